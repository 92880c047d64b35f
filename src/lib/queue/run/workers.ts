import { isPassing } from '../../db/connection-error.ts';
import type { Db, Queryable } from '../../db/database.ts';

/** What a worker is doing now, as its heartbeat tells. */
export interface RunningJob {
  job: string;
  task: string;
  attempt: number;
  /** The attempt's own mark, under which the ledger knows it. */
  claim: string;
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

/**
 * A worker that cannot prove that its last heartbeat of this long ago was committed begins nothing,
 * by its own clock. The margin is what lies between its last look at the clock and the request that
 * goes out.
 */
export const GIVE_UP_AFTER_MS = 4000;
const MARGIN_MS = 2000;
/**
 * Without a heartbeat for this long, and without its lock, a worker is gone.
 * @internal Exported for its tests.
 */
export const GONE_AFTER_MS = GIVE_UP_AFTER_MS + MARGIN_MS;
/**
 * Without a heartbeat for this long it is gone even if Postgres still holds its lock: it is frozen,
 * or its host vanished. A live one that is slow has missed many heartbeats by then.
 */
export const FROZEN_AFTER_MS = 15_000;
/** After Postgres has started nobody is taken for gone until all had time to come back. */
export const RESTART_GRACE_MS = 15_000;

const ago = (ms: number) => `now() - interval '${ms} milliseconds'`;
/** SQL: whether worker `w` has not been heard of for a while, and had the chance to be. */
const SILENT = `(w.seen_at < ${ago(GONE_AFTER_MS)} and pg_postmaster_start_time() < ${ago(RESTART_GRACE_MS)})`;
const FROZEN = `w.seen_at < ${ago(FROZEN_AFTER_MS)}`;

// The key of the session lock that a worker holds while its process lives: Postgres drops it with
// the connection, so a killed worker is known at once and a slow one is not mistaken for dead.
const LOCK_KEY = (id: string) => `hashtextextended(${id}, 7)`;

/**
 * SQL: whether worker `w` is gone: its heartbeat is old and Postgres has dropped its session lock, or
 * its heartbeat is very old. The one meaning of it, for all who ask. For looking only: many may look
 * at once, none stands in a worker's way.
 */
export const IS_GONE = `(${SILENT} and (${FROZEN} or pg_try_advisory_xact_lock_shared(${LOCK_KEY('w.id')})))`;

/** SQL: whether nobody is behind the locks of worker `w` any more. */
export const HAS_LEFT = `(w.stopped_at is not null or w.released_at is not null or ${IS_GONE})`;

/** SQL: a length of time in milliseconds, as the ledger keeps it. */
export const milliseconds = (interval: string) =>
  `greatest(0, extract(epoch from ${interval}) * 1000)::float8`;

/**
 * Takes the worker's lock on this connection, for as long as the connection lives. Never waits.
 * @returns whether it has it.
 */
export async function holdWorkerLock(session: Queryable, workerId: string): Promise<boolean> {
  const { rows } = await session.query<{ held: boolean }>(
    `select pg_try_advisory_lock(${LOCK_KEY('$1')}) as held`,
    [workerId],
  );
  return rows[0]?.held ?? false;
}

/** The name under which a worker's heartbeat is connected. */
export const heartbeatName = (workerId: string) => `donations worker ${workerId} alive`;

/**
 * Ends the connections on which the worker beat before, which broke at its end only and hold its
 * lock still. Others who look whether it is gone hold the lock as well, for a moment: they stay.
 */
export async function endFormerConnections(session: Queryable, workerId: string): Promise<void> {
  await session.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name = $1 and pid <> pg_backend_pid()`,
    [heartbeatName(workerId)],
  );
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

/** What Postgres says to a heartbeat. */
export interface Heard {
  /** When others had given this worker up and released its jobs; null when they have not. */
  releasedAt: Date | null;
  /** The time by Postgres's clock. */
  now: Date;
}

/**
 * One heartbeat. A worker that others had given up (it was silent for long) counts as alive again.
 * @returns undefined when the worker is not on record.
 */
export async function beat(
  db: Queryable,
  workerId: string,
  running: RunningJob[],
): Promise<Heard | undefined> {
  const { rows } = await db.query<{ released_at: Date | null; now: Date }>(
    `with before as (select released_at from donations.workers where id = $1 for update)
     update donations.workers w set seen_at = now(), running = $2, released_at = null
     from before where w.id = $1
     returning before.released_at, clock_timestamp() as now`,
    [workerId, JSON.stringify(running)],
  );
  return rows[0] && { releasedAt: rows[0].released_at, now: rows[0].now };
}

/**
 * Says that the worker has ended, and gives back whatever is locked under its name. Jobs that still
 * run are abandoned: nothing of them may begin a call at a provider any more.
 */
export async function signOff(db: Db, workerId: string, running: RunningJob[]): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query(
      `update donations.workers set stopped_at = now(), seen_at = now(), running = $2 where id = $1`,
      [workerId, JSON.stringify(running)],
    );
    await tx.query(
      `select graphile_worker.force_unlock_workers(array[pool_id]) from donations.workers
       where id = $1 and pool_id is not null`,
      [workerId],
    );
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
 * Gives the jobs of workers that are gone back to the queue, through Graphile Worker's
 * `force_unlock_workers`, and closes their open attempts in the ledger as abandoned. A live
 * worker's jobs are never touched (see `IS_GONE`). Each worker in a transaction of its own: what
 * is wrong with one holds up no other.
 *
 * @returns those that were released, and what went wrong with others.
 */
export async function releaseGoneWorkers(
  db: Db,
): Promise<{ released: Released[]; failures: { id: string; error: Error }[] }> {
  const released: Released[] = [];
  const failures: { id: string; error: Error }[] = [];
  // Mostly there is nobody: look before opening a transaction.
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
  const { rows } = await tx.query<Released & { pool_id: string | null }>(
    `with silent as materialized (
       select * from donations.workers w
       where id = $1 and stopped_at is null and released_at is null and ${SILENT}
       for update skip locked
     )
     select id, host, pid, pool_id, running from silent w
     where ${FROZEN} or pg_try_advisory_xact_lock(${LOCK_KEY('w.id')})`,
    [id],
  );
  const [gone] = rows;
  if (!gone) return undefined;
  const { pool_id, ...rest } = gone;
  await tx.query('select graphile_worker.force_unlock_workers($1)', [pool_id ? [pool_id] : []]);
  await markReleased(tx, [id]);
  return rest;
}

/**
 * Writes down that the jobs of these workers were released: what they were at is abandoned, unless
 * the ledger tells of its end (they died before the next heartbeat could).
 */
export async function markReleased(tx: Queryable, ids: string[]): Promise<void> {
  await tx.query(
    `insert into donations.job_attempts
       (job_id, task, attempt, claim, donation_id, worker_id, started_at, latency_ms, duration_ms, outcome,
        error_class, error_message, fingerprint)
     select r.job, r.task, r.attempt, coalesce(r.claim, gen_random_uuid()), r.donation, w.id, r.since, 0,
       ${milliseconds('w.seen_at - r.since')}, 'abandoned',
       'worker_lost', 'the worker was lost while the job ran', 'worker_lost'
     from donations.workers w
     cross join lateral jsonb_to_recordset(w.running) as
       r(job bigint, task text, attempt int, claim uuid, donation text, since timestamptz)
     where w.id = any ($1)
     on conflict (job_id, started_at, attempt, claim) do nothing`,
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
            when ${IS_GONE} then 'gone'
            else 'alive' end as state
     from donations.workers w
     where seen_at > now() - interval '1 day'
     order by stopped_at is null and released_at is null desc, seen_at desc
     limit 100`,
  );
  return rows;
}
