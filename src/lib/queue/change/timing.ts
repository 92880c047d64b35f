import type { Place } from '../../bulk/change.ts';
import type { Queryable } from '../../db/database.ts';
import { changedAll, type JobChunk } from './job-change.ts';

/** When changed jobs run: all at once, or spread over time. In milliseconds. */
export interface Timing {
  /** From now to the first job. */
  delayMs: number;
  /** From the first job to the last. */
  spreadMs?: number | undefined;
  /** From one job to the next. */
  everyMs?: number | undefined;
}

/** Whether the jobs are spread over time. */
export const isPaced = ({ spreadMs, everyMs }: Timing) =>
  spreadMs !== undefined || everyMs !== undefined;

/** The interval between jobs when there are `total` of them, in milliseconds. */
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
 * Sets the run times of jobs through Graphile Worker's own function.
 *
 * @param afresh true resets the attempts to zero.
 * @returns in how many milliseconds the first and the last job are due.
 * @throws UserError `try_again` when a worker has started one of them.
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
