import type { Queryable } from '../../db/database.ts';

/** A running job of a worker, as its heartbeat stores it. */
export interface RunningJob {
  job: string;
  task: string;
  attempt: number;
  /** The worker's claim of the attempt, which is also in the ledger. */
  claim: string;
  donation: string | null;
  since: string;
}

/** A process that runs jobs. */
interface WorkerFacts {
  id: string;
  host: string;
  pid: number;
  version: string;
  concurrency: number;
  tasks: string[];
  startedAt: Date;
}

/** A worker as it is now. */
export interface WorkerRow extends WorkerFacts {
  state: 'alive' | 'gone' | 'released' | 'stopped';
  seenAt: Date;
  stoppedAt: Date | null;
  running: RunningJob[];
}

/**
 * A worker starts nothing when its last committed heartbeat is older than this by its own clock.
 * The margin covers the time between its last check of the clock and the request.
 */
export const GIVE_UP_AFTER_MS = 4000;
const MARGIN_MS = 2000;
/**
 * A worker is gone when it had no heartbeat for this long and does not hold its session lock.
 * @internal Exported for its tests.
 */
export const GONE_AFTER_MS = GIVE_UP_AFTER_MS + MARGIN_MS;
/**
 * A worker is gone after this time even if Postgres still holds its session lock: its process is
 * frozen, or its host vanished. A slow live worker would have missed many heartbeats.
 */
export const FROZEN_AFTER_MS = 15_000;
/** After a start of Postgres no worker is gone until all have had time to reconnect. */
export const RESTART_GRACE_MS = 15_000;

const ago = (ms: number) => `now() - interval '${ms} milliseconds'`;
/** SQL: whether worker `w` had no heartbeat for a while although it could have sent one. */
export const SILENT = `(w.seen_at < ${ago(GONE_AFTER_MS)} and pg_postmaster_start_time() < ${ago(RESTART_GRACE_MS)})`;
export const FROZEN = `w.seen_at < ${ago(FROZEN_AFTER_MS)}`;

// The key of the session lock that a live worker holds. Postgres releases it with the connection.
// So a killed worker is detected at once, and a slow one is not mistaken for gone.
export const LOCK_KEY = (id: string) => `hashtextextended(${id}, 7)`;

/**
 * SQL: whether worker `w` is gone: its heartbeat is old and its session lock is free, or its
 * heartbeat is very old. This is the only definition. The lock is taken in shared mode, so that
 * several queries can check at once.
 */
export const IS_GONE = `(${SILENT} and (${FROZEN} or pg_try_advisory_xact_lock_shared(${LOCK_KEY('w.id')})))`;

/** SQL: whether worker `w` has stopped, was released, or is gone. */
export const HAS_LEFT = `(w.stopped_at is not null or w.released_at is not null or ${IS_GONE})`;

/** SQL: an interval as milliseconds, the unit of the ledger. */
export const milliseconds = (interval: string) =>
  `greatest(0, extract(epoch from ${interval}) * 1000)::float8`;

/**
 * Takes the worker's session lock without waiting.
 * @returns whether the lock was taken.
 */
export async function holdWorkerLock(session: Queryable, workerId: string): Promise<boolean> {
  const { rows } = await session.query<{ held: boolean }>(
    `select pg_try_advisory_lock(${LOCK_KEY('$1')}) as held`,
    [workerId],
  );
  return rows[0]?.held ?? false;
}

/** The application name of a worker's heartbeat connection. */
export const heartbeatName = (workerId: string) => `donations worker ${workerId} alive`;

/**
 * Ends previous heartbeat connections of the worker that still hold its lock. Queries that check
 * `IS_GONE` also hold the lock for a moment; these are not ended.
 */
export async function endFormerConnections(session: Queryable, workerId: string): Promise<void> {
  await session.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name = $1 and pid <> pg_backend_pid()`,
    [heartbeatName(workerId)],
  );
}

/** Inserts the worker's row. */
export async function registerWorker(
  db: Queryable,
  worker: Omit<WorkerFacts, 'startedAt'>,
): Promise<void> {
  await db.query(
    `insert into donations.workers (id, host, pid, version, concurrency, tasks) values ($1, $2, $3, $4, $5, $6)`,
    [worker.id, worker.host, worker.pid, worker.version, worker.concurrency, worker.tasks],
  );
}

/** Stores the id under which Graphile Worker locks this worker's jobs. */
export async function recordPool(tx: Queryable, workerId: string, poolId: string): Promise<void> {
  await tx.query('update donations.workers set pool_id = $2 where id = $1', [workerId, poolId]);
}

/** The answer to a heartbeat. */
export interface Heard {
  /** When other workers treated this one as gone and released its jobs; null if they did not. */
  releasedAt: Date | null;
  /** The time of the Postgres server. */
  now: Date;
}

/**
 * Sends one heartbeat. A worker that had been treated as gone counts as alive again.
 * @returns undefined when the worker is not registered.
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

/** Records that the worker has stopped, with the jobs that it left running. */
export async function recordStop(
  tx: Queryable,
  workerId: string,
  running: RunningJob[],
): Promise<void> {
  await tx.query(
    'update donations.workers set stopped_at = now(), seen_at = now(), running = $2 where id = $1',
    [workerId, JSON.stringify(running)],
  );
}

/**
 * Records that the jobs of these workers were released. Their running attempts are recorded as
 * abandoned, unless the ledger has their end already (the worker may have died before its next
 * heartbeat).
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

/** Lists the workers, live ones first. Stopped ones are listed for a day. */
export async function listWorkers(db: Queryable, limit = 100): Promise<WorkerRow[]> {
  const { rows } = await db.query<WorkerRow>(
    `select id, host, pid, version, concurrency, tasks, started_at as "startedAt",
       seen_at as "seenAt", stopped_at as "stoppedAt", running,
       case when stopped_at is not null then 'stopped'
            when released_at is not null then 'released'
            when ${IS_GONE} then 'gone'
            else 'alive' end as state
     from donations.workers w
     where seen_at > now() - interval '1 day'
     order by stopped_at is null and released_at is null desc, seen_at desc
     limit $1`,
    [limit],
  );
  return rows;
}

/** A worker's life, as far as it lies in a period. */
export interface WorkerLife extends WorkerFacts {
  /** When it stopped or was last heard; null when it lived beyond the period. */
  endedAt: Date | null;
  /** Null when it lived beyond the period. */
  ending: 'stopped' | 'lost' | null;
}

/** The workers that were alive at some time from one moment up to another, the first first. */
export async function workersBetween(
  db: Queryable,
  { from, to, limit }: { from: Date; to: Date; limit: number },
): Promise<WorkerLife[]> {
  const { rows } = await db.query<WorkerLife>(
    `select id, host, pid, version, concurrency, tasks, started_at as "startedAt",
       case when ended_at < $2 then ended_at end as "endedAt", case when ended_at < $2 then ending end as ending
     from (
       select w.*, coalesce(stopped_at, case when released_at is not null or ${IS_GONE} then seen_at end) as ended_at,
         case when stopped_at is not null then 'stopped' else 'lost' end as ending
       from donations.workers w where started_at < $2 and seen_at >= $1) lives
     order by started_at, id limit $3`,
    [from, to, limit],
  );
  return rows;
}
