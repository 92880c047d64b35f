import type { Change } from './change.ts';
import { type Pace, runByPace } from './pace.ts';

/** Changes when jobs are run that wait for their time. Their attempts stay as they are. */
export function reschedule({ pace }: { pace: Pace }): Change {
  return {
    verb: 'reschedule',
    action: 'jobs.reschedule',
    states: ['ready', 'scheduled', 'retrying'],
    skip({ state }) {
      if (state === 'running') return `'is running'`;
      if (state === 'failed' || state === 'held') return `'is ${state}: jobs retry runs it again'`;
      return 'null::text';
    },
    async apply(tx, chunk, place) {
      return { due_after_ms: await runByPace(tx, chunk, pace, place, { afresh: false }) };
    },
  };
}
