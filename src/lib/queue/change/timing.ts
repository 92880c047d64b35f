import type { Place } from '../../bulk/change.ts';
import type { Queryable } from '../../db/database.ts';
import { changedAll, type JobChunk } from './job-change.ts';

/** When changed jobs are run: all at once, or one after another over a time. Milliseconds. */
export interface Timing {
  /** From now. */
  delayMs: number;
  /** Between the first and the last. */
  spreadMs?: number | undefined;
  /** Between one and the next. */
  everyMs?: number | undefined;
}

/** Whether they run one after another: most of them wait for a while. */
export const isPaced = ({ spreadMs, everyMs }: Timing) =>
  spreadMs !== undefined || everyMs !== undefined;

/** The time between one job and the next, of so many in all. Milliseconds. */
const gapMs = ({ everyMs, spreadMs }: Timing, total: number): number =>
  everyMs ?? (spreadMs === undefined ? 0 : spreadMs / Math.max(1, total));

const ALL_AT_ONCE = (attempts: string) => `
  select count(*)::int as count from graphile_worker.reschedule_jobs(
    $1::bigint[], run_at => now() + make_interval(secs => $2::float8 / 1000)${attempts})`;
const EACH = (attempts: string) => `
  select count(*)::int as count
  from (select id, floor($2::float8 + $3::float8 * (n - 1)) as due
        from unnest($1::bigint[]) with ordinality as s(id, n)) each
  cross join lateral graphile_worker.reschedule_jobs(
    array[id], run_at => now() + make_interval(secs => due / 1000)${attempts})`;

/**
 * Sets when jobs are run, by Graphile Worker's own function.
 *
 * @param afresh whether they begin with their first attempt again.
 * @returns after how many milliseconds the first and the last are due.
 * @throws UserError `try_again` when a worker has begun one of them.
 */
export async function setRunTimes(
  tx: Queryable,
  chunk: JobChunk,
  timing: Timing,
  { first, total }: Place,
  { afresh }: { afresh: boolean },
): Promise<[number, number]> {
  const attempts = afresh ? ', attempts => 0' : '';
  const gap = gapMs(timing, total);
  const begin = timing.delayMs + gap * first;
  const { rows } =
    gap === 0
      ? await tx.query<{ count: number }>(ALL_AT_ONCE(attempts), [chunk.ids, begin])
      : await tx.query<{ count: number }>(EACH(attempts), [chunk.ids, begin, gap]);
  changedAll(chunk, rows[0]?.count ?? 0);
  return [Math.floor(begin), Math.floor(begin + gap * (chunk.count - 1))];
}
