import type { Queryable } from '../db/database.ts';
import { type BoundedCount, countRows } from '../db/page.ts';

/** What happened in a stretch of time, of all tasks together. */
export interface Bucket {
  /** Its beginning, as ISO 8601. */
  at: string;
  enqueued: number;
  done: number;
  retried: number;
  failed: number;
  held: number;
  /** The longest that a ready job had waited in it, in milliseconds; null when it was not measured. */
  waitMs: number | null;
  /** The largest 95th percentile of the run time of a task in one of its minutes. */
  p95Ms: number | null;
}

export interface History {
  /** How long each bucket is. */
  stepMs: number;
  /** Oldest first; the last ends with the last whole minute. Without a sample all its numbers are 0. */
  buckets: Bucket[];
  /** Since when there are samples; null when there are none. */
  since: string | null;
}

const MINUTE_MS = 60_000;

/** Which stretch of time; it ends now if no end is given. */
export interface Stretch {
  windowMs: number;
  /** Whole minutes up to this moment. */
  until?: Date | undefined;
}

/** SQL: the end of the last whole minute before a parameter, or before now without one. */
const wholeMinutes = (parameter: string) =>
  `date_trunc('minute', coalesce(${parameter}::timestamptz, now()))`;

/** The samples of a stretch of time, in at most so many buckets of whole minutes. */
export async function readHistory(
  tx: Queryable,
  { windowMs, until, most, task }: Stretch & { most: number; task?: string | undefined },
): Promise<History> {
  const minutes = Math.max(1, Math.round(windowMs / MINUTE_MS));
  const perBucket = Math.max(1, Math.ceil(minutes / Math.max(1, most)));
  const count = Math.ceil(minutes / perBucket);
  const { rows } = await tx.query<Omit<Bucket, 'at'> & { at: Date; since: Date | null }>(
    `with span as (
       select ${wholeMinutes('$4')} as ended,
         ${wholeMinutes('$4')} - make_interval(mins => $1::int * $2::int) as begun
     )
     select span.begun + make_interval(mins => $2::int * n) as at,
       coalesce(sum(s.enqueued), 0)::int as enqueued, coalesce(sum(s.done), 0)::int as done,
       coalesce(sum(s.retried), 0)::int as retried, coalesce(sum(s.failed), 0)::int as failed,
       coalesce(sum(s.held), 0)::int as held,
       max(s.oldest_wait_ms)::float8 as "waitMs", max(s.duration_p95)::float8 as "p95Ms",
       (select min(minute) from donations.samples) as since
     from span cross join generate_series(0, $1::int - 1) n
     left join donations.samples s on s.minute >= span.begun and s.minute < span.ended
       and floor(extract(epoch from s.minute - span.begun) / 60 / $2::int) = n
       and ($3::text is null or s.task = $3)
     group by span.begun, n order by n`,
    [count, perBucket, task ?? null, until ?? null],
    'monitor_history',
  );
  return {
    stepMs: perBucket * MINUTE_MS,
    buckets: rows.map(({ at, since: _, ...row }) => ({ at: at.toISOString(), ...row })),
    since: rows[0]?.since?.toISOString() ?? null,
  };
}

/** What the minutes of a task's trend hold. */
export interface Trend {
  /** Jobs done and jobs that came, in each minute, oldest first. */
  done: number[];
  enqueued: number[];
  /** How many were ready at the end of the last minute that was looked at. */
  ready: number | null;
}

/** Of each task the trend of the last minutes, or of those before a moment. */
export async function readTrends(
  tx: Queryable,
  minutes: number,
  until?: Date,
): Promise<Map<string, Trend>> {
  const { rows } = await tx.query<Trend & { task: string }>(
    `with span as (select ${wholeMinutes('$2')} as ended)
     select t.task, array_agg(coalesce(s.done, 0) order by m.minute) as done,
       array_agg(coalesce(s.enqueued, 0) order by m.minute) as enqueued,
       (array_agg(s.ready order by m.minute desc) filter (where s.ready is not null))[1] as ready
     from span cross join generate_series(span.ended - make_interval(mins => $1::int),
         span.ended - interval '1 minute', interval '1 minute') as m(minute)
     cross join (select distinct task from donations.samples, span
       where minute >= span.ended - make_interval(mins => $1::int) and minute < span.ended) t
     left join donations.samples s on s.minute = m.minute and s.task = t.task
     group by t.task`,
    [minutes, until ?? null],
    'monitor_trends',
  );
  return new Map(rows.map(({ task, ...trend }) => [task, trend]));
}

/** Of each task how many jobs were ready at a moment, and how long the oldest had waited, in milliseconds. */
export async function readDepth(
  tx: Queryable,
  at: Date,
): Promise<Map<string, { ready: number; waitMs: number }>> {
  const { rows } = await tx.query<{ task: string; ready: number; waitMs: number }>(
    `select distinct on (task) task, ready, oldest_wait_ms::float8 as "waitMs" from donations.samples
     where minute >= ${wholeMinutes('$1')} - interval '2 minutes' and minute < ${wholeMinutes('$1')}
       and ready is not null
     order by task, minute desc`,
    [at],
  );
  return new Map(rows.map(({ task, ...depth }) => [task, depth]));
}

/**
 * How many attempts of a period began after the last sampled minute. Workers sample each minute when it
 * is over, so these are missing while no worker runs.
 */
export function countUnsampled(
  tx: Queryable,
  { from, to }: { from: Date; to: Date },
): Promise<BoundedCount> {
  const select = `select 1 from donations.job_attempts
    where started_at >= $1 and started_at < $2
      and started_at >= (select coalesce(max(minute) + interval '1 minute', '-infinity') from donations.samples)`;
  return countRows(tx, [select], [from, to]);
}
