import type { Queryable } from '../../db/database.ts';
import type { Chunk, Place } from './change.ts';

/** When changed jobs are run: all at once, or one after another over a time. Milliseconds. */
export interface Pace {
  /** From now. */
  delayMs: number;
  /** Between the first and the last. */
  spreadMs?: number | undefined;
  /** Between one and the next. */
  everyMs?: number | undefined;
}

/** The time between one job and the next, of so many in all. Milliseconds. */
export const gapMs = ({ everyMs, spreadMs }: Pace, total: number): number =>
  everyMs ?? (spreadMs === undefined ? 0 : spreadMs / Math.max(1, total));

const ALL_AT_ONCE = (attempts: string) => `
  select count(*) from graphile_worker.reschedule_jobs(
    $1::bigint[], run_at => now() + make_interval(secs => $2::float8 / 1000)${attempts})`;
const EACH = (attempts: string) => `
  select count(*)
  from (select id, floor($2::float8 + $3::float8 * (n - 1)) as due
        from unnest($1::bigint[]) with ordinality as s(id, n)) each
  cross join lateral graphile_worker.reschedule_jobs(
    array[id], run_at => now() + make_interval(secs => due / 1000)${attempts})`;

/**
 * Sets when jobs are run, by Graphile Worker's own function.
 *
 * @param afresh whether they begin with their first attempt again.
 * @returns after how many milliseconds the first and the last are due.
 */
export async function runByPace(
  tx: Queryable,
  { ids, count }: Chunk,
  pace: Pace,
  { first, total }: Place,
  { afresh }: { afresh: boolean },
): Promise<[number, number]> {
  const attempts = afresh ? ', attempts => 0' : '';
  const gap = gapMs(pace, total);
  const begin = pace.delayMs + gap * first;
  if (gap === 0) await tx.query(ALL_AT_ONCE(attempts), [ids, begin]);
  else await tx.query(EACH(attempts), [ids, begin, gap]);
  return [Math.floor(begin), Math.floor(begin + gap * (count - 1))];
}
