import { reopenDeliveries, sentSince } from '../receipts/reopen.ts';
import { type Change, firstOf, UNKNOWN } from './change.ts';

/** When changed jobs are run: all at once, or one after another over a time. Milliseconds. */
export interface Pace {
  /** From now. */
  delayMs: number;
  /** Between the first and the last of `total`. */
  spreadMs?: number | undefined;
  /** Between one and the next. */
  everyMs?: number | undefined;
}

/** How long after now the i-th of a number of jobs is due, in milliseconds. */
export function dueAfter({ delayMs, spreadMs, everyMs }: Pace, i: number, total: number): number {
  const gap = everyMs ?? (spreadMs === undefined ? 0 : spreadMs / Math.max(1, total));
  return Math.floor(delayMs + gap * i);
}

/** The SQL that reschedules `$1`, ids, by `$2`, milliseconds from now; `attempts` as it says. */
export const rescheduleEach = (attempts: string) => `
  select count(*)::int as changed
  from (select due, array_agg(id) as ids from unnest($1::bigint[], $2::float8[]) as s(id, due) group by due) g
  cross join lateral graphile_worker.reschedule_jobs(
    g.ids, run_at => now() + make_interval(secs => g.due / 1000)${attempts})`;

/**
 * Runs jobs again that failed, from their first attempt. Those that may have had their effect
 * already are passed over unless `includeUnknown` says otherwise.
 */
export function retry({ pace, includeUnknown }: { pace: Pace; includeUnknown: boolean }): Change {
  return {
    verb: 'retry',
    action: 'jobs.retry',
    states: ['failed'],
    skip({ state, judged, donation, at }) {
      if (state === 'running') return `'is running'`;
      if (state === 'ready') return `'is due already'`;
      if (state === 'scheduled') return `'has not failed yet: jobs reschedule runs it sooner'`;
      if (!judged) return firstOf([]);
      const reasons: [string, string][] = [
        [
          `v.task = 'send_receipt' and ${sentSince(donation, at)}`,
          'its receipt was sent as a copy since',
        ],
      ];
      if (!includeUnknown) {
        reasons.unshift([
          UNKNOWN,
          'may have had its effect: --include-unknown does it all the same',
        ]);
      }
      return firstOf(reasons);
    },
    async apply(tx, jobs, { first, total }) {
      const ids = jobs.map(({ id }) => id);
      const due = jobs.map((_, i) => dueAfter(pace, first + i, total));
      await tx.query(rescheduleEach(', attempts => 0'), [ids, due]);
      await tx.query('delete from donations.job_verdicts where job_id = any ($1::bigint[])', [ids]);
      await reopenDeliveries(tx, jobs);
      return { attempts: 0, due_after_ms: [due[0], due.at(-1)] };
    },
  };
}
