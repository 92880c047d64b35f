import { isPassing } from '../../db/connection-error.ts';
import type { Db, Queryable } from '../../db/database.ts';
import {
  FROZEN,
  LOCK_KEY,
  markReleased,
  type RunningJob,
  recordPool,
  recordStop,
  SILENT,
} from './workers.ts';

/**
 * Unlocks the jobs of these pools through Graphile Worker's `force_unlock_workers`.
 *
 * Graphile Worker counts an attempt when it fetches a job, and a worker fetches far more jobs than
 * it runs at once. So a job would use up its attempts while workers die around it. A job of our
 * workers that was fetched again but not begun gets that attempt back. Every attempt after the
 * first is announced before it begins (see `Lease.announce`), so one that is neither among the
 * running jobs nor recorded was not begun. A first attempt stays counted; whether it was begun is
 * unknown.
 *
 * A job whose last attempt was lost counts as failed from now on, for `adoptFailures`.
 */
export async function unlockJobs(tx: Queryable, pools: string[]): Promise<void> {
  const { rows } = await tx.query<{ id: string; attempts: number; isBegun: boolean }>(
    `select j.id::text, j.attempts::int,
       j.attempts < 2
       or not exists (select 1 from donations.workers w where w.pool_id = j.locked_by)
       or exists (
         select 1 from donations.workers w
         cross join lateral jsonb_to_recordset(w.running) as r(job bigint, attempt int)
         where w.pool_id = j.locked_by and r.job = j.id and r.attempt = j.attempts)
       or exists (
         select 1 from donations.job_attempts a where a.job_id = j.id and a.attempt = j.attempts)
       or exists (
         select 1 from donations.job_verdicts v where v.job_id = j.id and v.applied_at is null)
       as "isBegun"
     from graphile_worker._private_jobs j
     where j.locked_at is not null and j.locked_by = any ($1)
     order by j.id for update of j`,
    [pools],
  );
  await tx.query('select graphile_worker.force_unlock_workers($1)', [pools]);
  await tx.query(
    `select count(*) from (
       select array_agg(id) as ids, attempts from json_to_recordset($1::json) as w(id bigint, attempts int)
       group by attempts) waited
     cross join lateral graphile_worker.reschedule_jobs(waited.ids, attempts => waited.attempts - 1)`,
    [JSON.stringify(rows.filter(({ isBegun }) => !isBegun))],
  );
  // Unlocking does not change `updated_at`, by which failed jobs are found. This does.
  await tx.query(
    `select count(*) from (
       select array_agg(id) as ids from graphile_worker._private_jobs
       where id = any ($1) and attempts >= max_attempts) spent
     cross join lateral graphile_worker.reschedule_jobs(spent.ids)`,
    [rows.filter(({ isBegun }) => isBegun).map(({ id }) => id)],
  );
}

/**
 * Registers the id under which Graphile Worker will lock this worker's jobs, before it locks any.
 * Jobs still locked under the previous id are unlocked: that pool ended when Postgres was
 * unavailable.
 */
export async function registerPool(db: Db, workerId: string, poolId: string): Promise<void> {
  await db.transaction(async (tx) => {
    await unlockJobs(tx, await poolsOf(tx, workerId));
    await recordPool(tx, workerId, poolId);
  });
}

/**
 * Records that the worker has stopped, and unlocks its jobs. Jobs that still run are abandoned:
 * they must not start a provider call after this.
 */
export async function signOff(db: Db, workerId: string, running: RunningJob[]): Promise<void> {
  await db.transaction(async (tx) => {
    await recordStop(tx, workerId, running);
    await unlockJobs(tx, await poolsOf(tx, workerId));
    if (running.length > 0) await markReleased(tx, [workerId]);
  });
}

/** A worker whose jobs were released. */
export interface Released {
  id: string;
  host: string;
  pid: number;
  running: RunningJob[];
}

/**
 * Returns the jobs of workers that are gone to the queue, and closes their open attempts in the
 * ledger as abandoned. Jobs of live workers are never touched (see `IS_GONE`). Each worker has its
 * own transaction, so that an error with one does not block the others.
 *
 * @returns the released workers, and the errors with others.
 */
export async function releaseGoneWorkers(
  db: Db,
): Promise<{ released: Released[]; failures: { id: string; error: Error }[] }> {
  const released: Released[] = [];
  const failures: { id: string; error: Error }[] = [];
  // Usually no worker is gone, so this checks before it opens a transaction.
  const { rows: silent } = await db.query<{ id: string }>(
    `select id from donations.workers w
     where stopped_at is null and released_at is null and ${SILENT} order by seen_at limit 100`,
  );
  for (const { id } of silent) {
    try {
      const gone = await db.transaction((tx) => releaseIfGone(tx, id));
      if (gone) released.push(gone);
    } catch (error) {
      if (isPassing(error)) throw error;
      failures.push({ id, error: error as Error });
    }
  }
  return { released, failures };
}

async function releaseIfGone(tx: Queryable, id: string): Promise<Released | undefined> {
  const { rows } = await tx.query<Released & { poolId: string | null }>(
    `with silent as materialized (
       select * from donations.workers w
       where id = $1 and stopped_at is null and released_at is null and ${SILENT}
       for update skip locked
     )
     select id, host, pid, pool_id as "poolId", running from silent w
     where ${FROZEN} or pg_try_advisory_xact_lock(${LOCK_KEY('w.id')})`,
    [id],
  );
  const [gone] = rows;
  if (!gone) return undefined;
  const { poolId, ...rest } = gone;
  await unlockJobs(tx, poolId ? [poolId] : []);
  await markReleased(tx, [id]);
  return rest;
}

/** The id under which the worker locks jobs, if it has one. */
async function poolsOf(tx: Queryable, workerId: string): Promise<string[]> {
  const { rows } = await tx.query<{ pool: string }>(
    'select pool_id as pool from donations.workers where id = $1 and pool_id is not null',
    [workerId],
  );
  return rows.map(({ pool }) => pool);
}
