import { type Operator, recordAudit } from '../../audit/record.ts';
import type { Db, Queryable } from '../../db/database.ts';
import { notFound, usageError } from '../../errors.ts';
import { IS_GONE, markReleased, milliseconds } from '../run/workers.ts';

/** Whose jobs are to be released. Without anything: those of our workers that are gone. */
export interface RescueRequest {
  /** One worker: the name under which it locks jobs, or the id (or its beginning) of one of ours. */
  worker?: string | undefined;
  /** Those that have held a job for longer than this, in milliseconds. */
  lockedLongerThanMs?: number | undefined;
  /** Even if they seem to be alive. */
  force: boolean;
}

/** Somebody who holds jobs. */
export interface Locker {
  /** The name under which the jobs are locked. */
  locker: string;
  /** Our worker of that name; null when it is of another tool, of which nothing else is known. */
  worker: string | null;
  host: string | null;
  pid: number | null;
  state: 'alive' | 'gone' | 'stopped' | 'no heartbeat';
  jobs: number;
  oldest: Date;
  latest: Date;
  tasks: string[];
  release: boolean;
  /** Why its jobs are released, or are not. */
  why: string;
}

/** As the queue and the heartbeats tell it, before it is judged. */
type Seen = Omit<Locker, 'release' | 'why'> & { oldest_ms: number; latest_ms: number };

// Only the index of locked jobs is read.
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
 * Who holds jobs, and whose would be released. Of those that nobody asked for, only the ones that
 * might be dead are named.
 *
 * @throws UserError when `worker` names none of ours, or several.
 */
export async function planRescue(tx: Queryable, request: RescueRequest): Promise<Locker[]> {
  const named = request.worker === undefined ? undefined : await findWorker(tx, request.worker);
  const { rows } = await tx.query<Seen>(LOCKERS);
  return rows.flatMap((seen) => {
    if (named && seen.locker !== named.pool && seen.worker !== named.id) return [];
    const verdict = judge(seen, request);
    const { oldest_ms: _oldest, latest_ms: _latest, ...locker } = seen;
    return verdict ? [{ ...locker, ...verdict }] : [];
  });
}

async function findWorker(tx: Queryable, ref: string): Promise<{ id?: string; pool?: string }> {
  if (!ref.startsWith('wrk_')) return { pool: ref };
  const { rows } = await tx.query<{ id: string }>(
    'select id from donations.workers where starts_with(id, $1) limit 2',
    [ref],
  );
  const [found, other] = rows;
  if (!found) throw notFound(`no worker "${ref}"`, 'See them: donations worker list');
  if (other) throw usageError(`"${ref}" fits several workers`, 'Give more of the id.');
  return { id: found.id };
}

type Verdict = Pick<Locker, 'release' | 'why'>;
const release = (why: string): Verdict => ({ release: true, why });
const leave = (why: string): Verdict => ({ release: false, why });

/** Undefined for one that nobody asked for and that is none of a rescuer's business. */
function judge(
  { state, latest_ms, oldest_ms }: Seen,
  { worker, lockedLongerThanMs: longer, force }: RescueRequest,
): Verdict | undefined {
  const named = worker !== undefined;
  const asked = named || longer !== undefined;
  if (longer !== undefined && oldest_ms < longer)
    return named ? leave('its locks are younger than that') : undefined;
  if (state === 'gone') return release('it is gone');
  if (state === 'stopped') return release('it has stopped');
  const despite = release('by force, though it seems to be alive');
  if (state === 'alive') {
    if (!asked) return undefined;
    return force ? despite : leave('it is alive');
  }
  if (!asked) return leave('it may be alive');
  if (longer === undefined) return release('you say that it is dead');
  if (latest_ms >= longer) return release('it has locked nothing for as long');
  return force ? despite : leave('it has locked a job since, so it is alive');
}

export interface Rescued {
  /** The audit entry; undefined when nothing was left to release. */
  operation: string | undefined;
  /** How many jobs were released. */
  jobs: number;
  /** The names of the workers whose jobs they were. */
  workers: string[];
}

/**
 * Gives the jobs of the lockers that a plan releases back to the queue, through Graphile Worker's
 * `force_unlock_workers`; closes their open attempts as abandoned; audits it. Whoever has come back
 * to life since the plan, or whose jobs somebody else has released, is passed over.
 *
 * A mail that was being sent is found claimed and not finished when its job runs next, and is held.
 */
export async function applyRescue(
  db: Db,
  plan: Locker[],
  request: RescueRequest,
  { operator, reason }: { operator: Operator; reason: string | undefined },
): Promise<Rescued> {
  const planned = plan.filter(({ release }) => release).map(({ locker }) => locker);
  // Old locks make old rows for the ledger: yesterday's partition must be there before them.
  await db.query('select donations.ensure_attempt_partitions()');
  return db.transaction(async (tx) => {
    // From here on no heartbeat and no lock of theirs changes.
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
    await tx.query('select graphile_worker.force_unlock_workers($1)', [pools]);
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

/** Of another tool's worker nobody knows which jobs it had begun: an attempt for each. */
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
