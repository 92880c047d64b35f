import { type Actor, recordAudit } from '../../audit/record.ts';
import type { Db, Queryable } from '../../db/database.ts';
import { likeId } from '../../db/match.ts';
import { notFound, usageError } from '../../errors.ts';
import { givenId } from '../../ids.ts';
import { unlockJobs } from '../run/release.ts';
import { IS_GONE, markReleased, milliseconds } from '../run/workers.ts';

/** Selects the lockers whose jobs are released. An empty request selects our workers that are gone. */
export interface RescueRequest {
  /** One worker: its name in `locked_by`, or the id (or prefix of the id) of one of our workers. */
  worker?: string | undefined;
  /** Lockers that have held a job for longer than this, in milliseconds. */
  lockedLongerThanMs?: number | undefined;
  /** Release even if the locker seems to be alive. */
  force: boolean;
}

/** A worker that holds locks on jobs. */
export interface Locker {
  /** The name in `locked_by`. */
  locker: string;
  /** Our worker of that name; null when another tool holds the lock. */
  worker: string | null;
  host: string | null;
  pid: number | null;
  state: 'alive' | 'gone' | 'stopped' | 'no heartbeat';
  jobs: number;
  oldest: Date;
  latest: Date;
  tasks: string[];
  release: boolean;
  /** Why its jobs are or are not released. */
  why: string;
}

/** The facts from the queue and the heartbeats, before the decision. */
type Seen = Omit<Locker, 'release' | 'why'> & { oldest_ms: number; latest_ms: number };

// Reads only the index of locked jobs.
const LOCKERS = `
  select l.*, w.id as worker, w.host, w.pid,
    extract(epoch from now() - l.oldest)::float8 * 1000 as oldest_ms,
    extract(epoch from now() - l.latest)::float8 * 1000 as latest_ms,
    case when w.id is null then 'no heartbeat'
         when w.stopped_at is not null then 'stopped'
         when ${IS_GONE} then 'gone'
         else 'alive' end as state
  from (
    select j.locked_by as locker, count(*)::int as jobs, min(j.locked_at) as oldest,
      max(j.locked_at) as latest, array_agg(distinct t.identifier order by t.identifier) as tasks
    from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
    where j.locked_at is not null group by j.locked_by
  ) l
  left join donations.workers w on w.pool_id = l.locker
  order by l.oldest`;

/**
 * Lists the lockers, and whether a rescue releases their jobs. Without a request, only lockers that
 * may be dead are listed.
 *
 * @throws UserError when `worker` matches no worker, or several.
 */
export async function planRescue(tx: Queryable, request: RescueRequest): Promise<Locker[]> {
  const named = request.worker === undefined ? undefined : await findWorker(tx, request.worker);
  const { rows } = await tx.query<Seen>(LOCKERS);
  return rows.flatMap((seen) => {
    if (named && seen.locker !== named.pool && seen.worker !== named.id) return [];
    const verdict = decideRelease(seen, request);
    const { oldest_ms: _oldest, latest_ms: _latest, ...locker } = seen;
    return verdict ? [{ ...locker, ...verdict }] : [];
  });
}

async function findWorker(tx: Queryable, ref: string): Promise<{ id?: string; pool?: string }> {
  if (!givenId(ref).startsWith('wrk_')) return { pool: ref };
  const { rows } = await tx.query<{ id: string }>(
    'select id from donations.workers where id like $1 limit 2',
    [likeId(ref)],
  );
  const [found, other] = rows;
  if (!found) throw notFound(`no worker "${ref}"`, 'List the workers: donations worker list');
  if (other)
    throw usageError(`"${ref}" matches several workers`, 'Type more characters of the id.');
  return { id: found.id };
}

type Verdict = Pick<Locker, 'release' | 'why'>;
const release = (why: string): Verdict => ({ release: true, why });
const leave = (why: string): Verdict => ({ release: false, why });

/** Undefined for a locker that was not requested and does not need a rescue. */
function decideRelease(
  { state, latest_ms, oldest_ms }: Seen,
  { worker, lockedLongerThanMs: longer, force }: RescueRequest,
): Verdict | undefined {
  const named = worker !== undefined;
  const asked = named || longer !== undefined;
  if (longer !== undefined && oldest_ms < longer)
    return named ? leave('its locks are younger than that') : undefined;
  if (state === 'gone') return release('it is gone');
  if (state === 'stopped') return release('it has stopped');
  const despite = release('released by force, though it seems to be alive');
  if (state === 'alive') {
    if (!asked) return undefined;
    return force ? despite : leave('it is alive');
  }
  if (!asked) return leave('it may be alive');
  if (longer === undefined) return release('you state that it is dead');
  if (latest_ms >= longer) return release('it has locked no job for that long');
  return force ? despite : leave('it has locked a job since, so it is alive');
}

export interface Rescued {
  /** The audit entry; undefined when there was nothing to release. */
  operation: string | undefined;
  /** The number of released jobs. */
  jobs: number;
  /** The names of the workers that had locked them. */
  workers: string[];
}

/**
 * Returns the jobs of the planned lockers to the queue, closes their open attempts as abandoned,
 * and audits it. Lockers that became alive again or were released since the plan are skipped.
 *
 * A mail that was being sent is held: its next attempt finds the claim of the abandoned one.
 */
export async function applyRescue(
  db: Db,
  plan: Locker[],
  request: RescueRequest,
  { operator, reason }: { operator: Actor; reason: string | undefined },
): Promise<Rescued> {
  const planned = plan.filter(({ release }) => release).map(({ locker }) => locker);
  // Abandoned attempts can be old, so the partition of yesterday must exist.
  await db.query('select donations.ensure_attempt_partitions()');
  return db.transaction(async (tx) => {
    // Blocks changes of their heartbeats and locks until the end of the transaction.
    await tx.query(
      'select 1 from donations.workers where pool_id = any ($1) order by id for update',
      [planned],
    );
    const { rows: locked } = await tx.query<{ id: string; locker: string }>(
      `select id::text, locked_by as locker from graphile_worker._private_jobs
       where locked_at is not null and locked_by = any ($1) order by id for update`,
      [planned],
    );
    const dead = (await planRescue(tx, request)).filter(
      ({ release, locker }) => release && planned.includes(locker),
    );
    if (dead.length === 0) return { operation: undefined, jobs: 0, workers: [] };
    const pools = dead.map(({ locker }) => locker);
    const workers = dead.map(({ worker, locker }) => worker ?? locker);
    await abandon(
      tx,
      dead.flatMap(({ worker, locker }) => (worker ? [] : locker)),
    );
    await unlockJobs(tx, pools);
    await markReleased(
      tx,
      dead.flatMap(({ worker }) => worker ?? []),
    );
    const released = dead.map(({ locker, worker, host, state, oldest, why }) => {
      const jobs = locked.flatMap((job) => (job.locker === locker ? job.id : []));
      return { locker, worker, host, state, why, locked_since: oldest, jobs };
    });
    const jobs = released.reduce((sum, each) => sum + each.jobs.length, 0);
    const operation = await recordAudit(tx, {
      ...operator,
      action: 'jobs.rescue',
      subject: workers.length === 1 ? workers[0] : undefined,
      reason,
      affected: jobs,
      detail: { released },
    });
    return { operation, jobs, workers };
  });
}

/**
 * For workers of other tools, the started jobs are unknown: one attempt is recorded for each lock.
 */
async function abandon(tx: Queryable, pools: string[]): Promise<void> {
  await tx.query(
    `insert into donations.job_attempts
       (job_id, task, attempt, donation_id, started_at, latency_ms, duration_ms, outcome,
        error_class, error_message, fingerprint)
     select j.id, t.identifier, j.attempts, j.payload->>'donation_id', j.locked_at,
       ${milliseconds('j.locked_at - j.run_at')}, ${milliseconds('now() - j.locked_at')}, 'abandoned',
       'worker_lost', 'the worker was lost while the job ran', 'worker_lost'
     from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
     where j.locked_at is not null and j.locked_by = any ($1)`,
    [pools],
  );
}
