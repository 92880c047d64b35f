import { type JobChange, seeStats } from './job-change.ts';
import { setRunTimes, type Timing } from './timing.ts';

/** Changes the run time of waiting jobs. Their attempts stay as they are. */
export function reschedule({ timing }: { timing: Timing }): JobChange {
  return {
    verb: 'reschedule',
    past: 'Rescheduled',
    action: 'jobs.reschedule',
    states: ['ready', 'scheduled', 'retrying'],
    asksForOne: false,
    next: seeStats,
    skip({ state }) {
      if (state === 'running') return `'is running'`;
      if (state === 'failed' || state === 'held')
        return `'is ${state}: use jobs retry to run it again'`;
      return 'null::text';
    },
    async apply(tx, chunk, place) {
      return { due_after_ms: await setRunTimes(tx, chunk, timing, place, { afresh: false }) };
    },
  };
}
