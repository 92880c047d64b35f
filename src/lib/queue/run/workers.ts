import type { Db, Queryable } from '../../db/database.ts';

/** What a worker is doing now, as its heartbeat tells. */
export interface RunningJob {
  job: string;
  task: string;
  attempt: number;
  donation: string | null;
  since: string;
}

export interface WorkerRow {
  id: string;
  state: 'alive' | 'gone' | 'released' | 'stopped';
  host: string;
  pid: number;
  version: string;
  concurrency: number;
  tasks: string[];
  started_at: Date;
  seen_at: Date;
  stopped_at: Date | null;
  running: RunningJob[];
}

/** Without a heartbeat for this long (and without its lock) a worker is taken for gone. */
export const GONE_AFTER_MS = 3000;
/** Without a heartbeat for this long it is gone even if Postgres still holds its lock (its host vanished). */
const GONE_FOR_SURE_AFTER_MS = 60_000;
/** After Postgres has started nobody is taken for gone until all had time to come back. */
const RESTART_GRACE_MS = 15_000;

const ago = (ms: number) => `now() - interval '${ms} milliseconds'`;
/** SQL: whether worker `w` has not been heard of for a while, and had the chance to be. */
const SILENT = `(w.seen_at < ${ago(GONE_AFTER_MS)} and pg_postmaster_start_time() < ${ago(RESTART_GRACE_MS)})`;
const SILENT_FOR_LONG = `w.seen_at < ${ago(GONE_FOR_SURE_AFTER_MS)}`;

// The key of the session lock that a worker holds while its process lives: Postgres drops it with
// the connection, so a killed worker is known at once and a slow one is not mistaken for dead.
const LOCK_KEY = (id: string) => `hashtextextended(${id}, 7)`;

/**
 * SQL: whether worker `w` is gone: its heartbeat is old and Postgres has dropped its session lock, or
 * its heartbeat is very old. For looking only: many may look at once, none stands in a worker's way.
 */
export const IS_GONE = `(${SILENT} and (${SILENT_FOR_LONG} or pg_try_advisory_xact_lock_shared(${LOCK_KEY('w.id')})))`;

/** Takes the worker's lock on this connection, for as long as the connection lives. */
export async function holdWorkerLock(session: Queryable, workerId: string): Promise<void> {
  await session.query(`select pg_advisory_lock(${LOCK_KEY('$1')})`, [workerId]);
}

/** Writes the worker's row. */
export async function registerWorker(
  db: Queryable,
  worker: Pick<WorkerRow, 'id' | 'host' | 'pid' | 'version' | 'concurrency' | 'tasks'>,
): Promise<void> {
  await db.query(
    `insert into donations.workers (id, host, pid, version, concurrency, tasks) values ($1, $2, $3, $4, $5, $6)`,
    [worker.id, worker.host, worker.pid, worker.version, worker.concurrency, worker.tasks],
  );
}

/**
 * Writes down under which name Graphile Worker will lock this worker's jobs, before it locks any.
 * Jobs still locked under the name before (its pool ended when Postgres went away) are let go.
 */
export async function registerPool(db: Db, workerId: string, poolId: string): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query(
      `select graphile_worker.force_unlock_workers(array[pool_id]) from donations.workers
       where id = $1 and pool_id is not null`,
      [workerId],
    );
    await tx.query('update donations.workers set pool_id = $2 where id = $1', [workerId, poolId]);
  });
}

/**
 * One heartbeat.
 * @returns whether others had given this worker up since the last one (it was silent for long, and
 *   its jobs may be running elsewhere); it counts as alive again.
 */
export async function beat(
  db: Queryable,
  workerId: string,
  running: RunningJob[],
): Promise<{ givenUp: boolean }> {
  const { rows } = await db.query<{ given_up: boolean }>(
    `with before as (select released_at from donations.workers where id = $1 for update)
     update donations.workers w set seen_at = now(), running = $2, released_at = null
     from before where w.id = $1
     returning before.released_at is not null as given_up`,
    [workerId, JSON.stringify(running)],
  );
  return { givenUp: rows[0]?.given_up ?? false };
}

/** Says that the worker has ended in good order. */
export async function signOff(db: Queryable, workerId: string): Promise<void> {
  await db.query(
    `update donations.workers set stopped_at = now(), seen_at = now(), running = '[]' where id = $1`,
    [workerId],
  );
}

/**
 * Gives the jobs of workers that are gone back to the queue, through Graphile Worker's
 * `force_unlock_workers`, and closes their open attempts in the ledger as abandoned. A live
 * worker's jobs are never touched: a worker counts as gone when its heartbeat is old and Postgres
 * has dropped its session lock, or when its heartbeat is very old.
 *
 * @returns the workers that were released.
 */
export async function releaseGoneWorkers(
  db: Db,
): Promise<{ id: string; host: string; pid: number; running: RunningJob[] }[]> {
  // Mostly there is nobody: look before opening a transaction.
  const { rowCount } = await db.query(
    `select 1 from donations.workers where stopped_at is null and released_at is null
       and seen_at < ${ago(GONE_AFTER_MS)} limit 1`,
  );
  if (!rowCount) return [];
  return db.transaction(async (tx) => {
    const { rows } = await tx.query<{
      id: string;
      host: string;
      pid: number;
      pool_id: string | null;
      running: RunningJob[];
    }>(
      `with silent as materialized (
         select * from donations.workers w
         where stopped_at is null and released_at is null and ${SILENT}
         for update skip locked
       )
       select id, host, pid, pool_id, running from silent w
       where ${SILENT_FOR_LONG} or pg_try_advisory_xact_lock(${LOCK_KEY('w.id')})`,
    );
    if (rows.length === 0) return [];
    await tx.query('select graphile_worker.force_unlock_workers($1)', [
      rows.flatMap((row) => row.pool_id ?? []),
    ]);
    await markReleased(
      tx,
      rows.map((row) => row.id),
    );
    return rows;
  });
}

/**
 * Writes down that the jobs of these workers were released: what they were at is abandoned, unless
 * the ledger tells of its end (they died before the next heartbeat could).
 */
export async function markReleased(tx: Queryable, ids: string[]): Promise<void> {
  await tx.query(
    `insert into donations.job_attempts
       (job_id, task, attempt, donation_id, worker_id, started_at, latency_ms, duration_ms, outcome,
        error_class, error_message, fingerprint)
     select r.job, r.task, r.attempt, r.donation, w.id, r.since, 0,
       greatest(0, extract(epoch from w.seen_at - r.since) * 1000)::int, 'abandoned',
       'worker_lost', 'the worker was lost while the job ran', 'worker_lost'
     from donations.workers w
     cross join lateral jsonb_to_recordset(w.running) as
       r(job bigint, task text, attempt smallint, donation text, since timestamptz)
     where w.id = any ($1) and not exists (
       select 1 from donations.job_attempts a where a.job_id = r.job and a.started_at = r.since)`,
    [ids],
  );
  await tx.query(
    `update donations.workers set released_at = now(), running = '[]' where id = any ($1)`,
    [ids],
  );
}

/** The workers, those alive first; those that ended are listed for a day. */
export async function listWorkers(db: Queryable): Promise<WorkerRow[]> {
  const { rows } = await db.query<WorkerRow>(
    `select id, host, pid, version, concurrency, tasks, started_at, seen_at, stopped_at, running,
       case when stopped_at is not null then 'stopped'
            when released_at is not null then 'released'
            when seen_at < now() - make_interval(secs => $1::float8 / 1000) then 'gone'
            else 'alive' end as state
     from donations.workers
     where seen_at > now() - interval '1 day'
     order by stopped_at is null and released_at is null desc, seen_at desc
     limit 100`,
    [GONE_AFTER_MS * 2],
  );
  return rows;
}
