import { reopenDeliveries, sentSince } from '../../receipts/reopen.ts';
import { type Change, firstOf, UNKNOWN } from './change.ts';
import { type Pace, runByPace } from './pace.ts';

/**
 * Runs jobs again that failed, from their first attempt. Those that may have had their effect
 * already are passed over unless `includeUnknown` says otherwise.
 */
export function retry({ pace, includeUnknown }: { pace: Pace; includeUnknown: boolean }): Change {
  return {
    verb: 'retry',
    action: 'jobs.retry',
    states: ['failed'],
    skip({ state, judged, at }) {
      if (state === 'running') return `'is running'`;
      if (state === 'ready') return `'is due already'`;
      if (state === 'scheduled') return `'has not failed yet: jobs reschedule runs it sooner'`;
      if (!judged) return firstOf([]);
      const reasons: [string, string][] = [
        [`v.task = 'send_receipt' and ${sentSince(at)}`, 'its receipt was sent as a copy since'],
      ];
      if (!includeUnknown) {
        reasons.unshift([
          UNKNOWN,
          'may have had its effect: --include-unknown does it all the same',
        ]);
      }
      return firstOf(reasons);
    },
    async apply(tx, chunk, place) {
      const due = await runByPace(tx, chunk, pace, place, { afresh: true });
      await tx.query('delete from donations.job_verdicts where job_id = any ($1::bigint[])', [
        chunk.ids,
      ]);
      await reopenDeliveries(tx, chunk.ids);
      return { attempts: 0, due_after_ms: due };
    },
  };
}
