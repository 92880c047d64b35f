import type { Db } from '../db/database.ts';
import { readWithin } from '../db/read.ts';
import { UserError } from '../errors.ts';
import { recordRun } from '../recurring/runs.ts';

/** For how long samples are kept: the longest window of the charts is seven days. */
const KEPT_DAYS = 8;
/** How far back minutes are made up for in which no worker ran. */
const CATCH_UP_MINUTES = 60;
/** Depth is counted up to here, and newly enqueued jobs are looked for among so many. */
const DEPTH_BOUND = 1_000_000;
const ENQUEUED_BOUND = 100_000;
const DEPTH_TIMEOUT_MS = 5000;

// The minute before the last is sampled twice: an attempt is in the ledger only when it has ended.
const COUNTS = `
  with span as (
    select greatest(
        coalesce((select max(minute) from donations.samples), '-infinity'),
        date_trunc('minute', now()) - interval '${CATCH_UP_MINUTES} minutes') - interval '1 minute' as begun,
      date_trunc('minute', now()) as ended
  ), ledger as materialized (
    select a.task, a.attempt, a.outcome, a.started_at, a.latency_ms, a.duration_ms
    from donations.job_attempts a, span
    where a.started_at >= span.begun
  ), ran as (
    select date_trunc('minute', started_at) as minute, task,
      count(*) filter (where outcome in ('succeeded', 'declined'))::int as done,
      count(*) filter (where outcome in ('retry', 'parked', 'abandoned'))::int as retried,
      count(*) filter (where outcome = 'failed')::int as failed,
      count(*) filter (where outcome = 'held')::int as held,
      percentile_disc(array[0.5, 0.95, 0.99]) within group (order by latency_ms) as latency,
      percentile_disc(array[0.5, 0.95, 0.99]) within group (order by duration_ms) as duration
    from ledger, span where started_at < span.ended group by 1, 2
  ), came as (
    select minute, task, sum(count)::int as enqueued from (
      -- Finished jobs count as due from the time they were enqueued; their run_at is not known any more.
      select date_trunc('minute', started_at - make_interval(secs => latency_ms / 1000.0)) as minute,
        task, count(*) as count
      from ledger where attempt = 1 and outcome in ('succeeded', 'declined') group by 1, 2
      union all
      select date_trunc('minute', w.created_at), t.identifier, count(*)
      from (select task_id, created_at from graphile_worker._private_jobs
            order by id desc limit ${ENQUEUED_BOUND}) w
      join graphile_worker._private_tasks t on t.id = w.task_id, span
      where w.created_at >= span.begun group by 1, 2) both_kinds, span
    where minute >= span.begun and minute < span.ended group by 1, 2
  )
  insert into donations.samples as s (minute, task, enqueued, done, retried, failed, held,
    latency_p50, latency_p95, latency_p99, duration_p50, duration_p95, duration_p99)
  select minute, task, coalesce(c.enqueued, 0), coalesce(r.done, 0), coalesce(r.retried, 0),
    coalesce(r.failed, 0), coalesce(r.held, 0),
    r.latency[1], r.latency[2], r.latency[3], r.duration[1], r.duration[2], r.duration[3]
  from ran r full join came c using (minute, task)
  on conflict (minute, task) do update set
    enqueued = greatest(s.enqueued, excluded.enqueued), done = excluded.done,
    retried = excluded.retried, failed = excluded.failed, held = excluded.held,
    latency_p50 = excluded.latency_p50, latency_p95 = excluded.latency_p95,
    latency_p99 = excluded.latency_p99, duration_p50 = excluded.duration_p50,
    duration_p95 = excluded.duration_p95, duration_p99 = excluded.duration_p99`;

const DEPTH = `
  select t.identifier as task, count(w.run_at)::int as ready,
    greatest(0, extract(epoch from now() - min(w.run_at)) * 1000)::bigint as oldest_wait_ms
  from graphile_worker._private_tasks t
  left join (select task_id, run_at from graphile_worker._private_jobs
    where is_available = true and run_at <= now() order by priority, run_at limit ${DEPTH_BOUND}) w
    on w.task_id = t.id
  group by t.identifier`;

const KEEP_DEPTH = `
  insert into donations.samples as s
    (minute, task, ready, oldest_wait_ms, enqueued, done, retried, failed, held)
  select date_trunc('minute', now()) - interval '1 minute', task, ready, coalesce(oldest_wait_ms, 0),
    0, 0, 0, 0, 0
  from json_to_recordset($1::json) as d(task text, ready int, oldest_wait_ms bigint)
  on conflict (minute, task) do update set ready = excluded.ready, oldest_wait_ms = excluded.oldest_wait_ms`;

// One worker samples at a time.
const LOCK = 7_302_146_005;
const IS_DUE = `
  select pg_try_advisory_xact_lock($1) and not exists (
    select 1 from donations.samples
    where minute = date_trunc('minute', now()) - interval '1 minute' and ready is not null) as due`;

/** Records the samples, unless another worker has done it in this minute or is doing it. */
export async function sampleIfDue(db: Db): Promise<void> {
  await db.transaction(async (tx) => {
    const { rows } = await tx.query<{ due: boolean }>(IS_DUE, [LOCK]);
    if (rows[0]?.due)
      await recordRun(db, 'samples', async () => {
        await recordSamples(db);
        return undefined;
      });
  });
}

/**
 * Writes the samples of the minutes since the last time: what came, what was done, how long it took,
 * and of the last minute how much is waiting. Drops what is older than the charts go back.
 *
 * @internal Exported for its tests.
 */
export async function recordSamples(db: Db): Promise<void> {
  await db.query(COUNTS);
  const depth = await countDepth(db);
  await db.query(KEEP_DEPTH, [depth]);
  await db.query('delete from donations.samples where minute < now() - make_interval(days => $1)', [
    KEPT_DAYS,
  ]);
}

/** As JSON; of no task when it takes too long: the charts show a gap then. */
async function countDepth(db: Db): Promise<string> {
  try {
    const { rows } = await readWithin(db, DEPTH_TIMEOUT_MS, (tx) =>
      tx.query<{ task: string; ready: number; oldest_wait_ms: bigint | null }>(DEPTH),
    );
    return JSON.stringify(
      rows.map((row) => ({ ...row, oldest_wait_ms: row.oldest_wait_ms?.toString() ?? null })),
    );
  } catch (error) {
    if (error instanceof UserError) return '[]';
    throw error;
  }
}
