import type { Change } from './change.ts';
import { dueAfter, type Pace, rescheduleEach } from './retry.ts';

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
    async apply(tx, jobs, { first, total }) {
      const due = jobs.map((_, i) => dueAfter(pace, first + i, total));
      await tx.query(rescheduleEach(''), [jobs.map(({ id }) => id), due]);
      return { due_after_ms: [due[0], due.at(-1)] };
    },
  };
}
