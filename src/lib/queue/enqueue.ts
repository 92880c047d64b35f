import type { Queryable } from '../db/database.ts';
import { forgetVerdictsOfKeys } from './run/verdict-changes.ts';
import { type Payloads, TASKS, type TaskName, taskFlag } from './tasks.ts';

export type JobSpec = {
  [Task in TaskName]: {
    task: Task;
    payload: Payloads[Task];
    /** A job of this key that waits, failed or is held is replaced rather than doubled. */
    key?: string;
    /** How long from now until it is due, by the clock of Postgres. Milliseconds. */
    inMs?: number;
  };
}[TaskName];

/** From so many on, one statement for all is worth its own plan. */
const MANY = 50;

/**
 * Adds jobs in the caller's transaction: they exist if and only if what they are about does.
 * @returns Graphile Worker's job ids, in the order of the specs.
 */
export async function enqueue(tx: Queryable, jobs: JobSpec[]): Promise<bigint[]> {
  await endStandingJobs(
    tx,
    jobs.flatMap(({ key }) => key ?? []),
  );
  const specs = jobs.map((job) => ({
    task: job.task,
    payload: job.payload,
    key: job.key ?? null,
    in_ms: job.inMs ?? null,
    max_attempts: TASKS[job.task].maxAttempts,
    flags: [taskFlag(job.task)],
  }));
  if (jobs.length >= MANY && jobs.every(({ key }) => key !== undefined)) return addMany(tx, specs);
  const { rows } = await tx.query<{ id: bigint }>(
    `select (graphile_worker.add_job(
       identifier => spec.task, payload => spec.payload,
       run_at => now() + make_interval(secs => spec.in_ms / 1000),
       max_attempts => spec.max_attempts, job_key => spec.key, flags => spec.flags)).id
     from rows from (json_to_recordset($1::json) as
       (task text, payload json, key text, in_ms float8, max_attempts int, flags text[]))
       with ordinality as spec(task, payload, key, in_ms, max_attempts, flags, position)
     order by position`,
    [JSON.stringify(specs)],
  );
  return rows.map((row) => row.id);
}

/** Adds jobs of different keys by Graphile Worker's function for many; their ids are found by the keys. */
async function addMany(tx: Queryable, specs: { key: string | null }[]): Promise<bigint[]> {
  const { rows } = await tx.query<{ id: bigint; key: string }>(
    `select id, key from graphile_worker.add_jobs(array(
       select row(spec.task, spec.payload, null, now() + make_interval(secs => coalesce(spec.in_ms, 0) / 1000),
         spec.max_attempts, spec.key, 0, spec.flags)::graphile_worker.job_spec
       from json_to_recordset($1::json) as spec
         (task text, payload json, key text, in_ms float8, max_attempts int, flags text[])))`,
    [JSON.stringify(specs)],
  );
  const ids = new Map(rows.map(({ id, key }) => [key, id]));
  return specs.map(({ key }) => ids.get(key ?? '') as bigint);
}

/**
 * Ends what stands of jobs of these keys that do not run now: their verdicts, and the jobs themselves
 * that have failed for good. Graphile Worker would leave a failed job of the same key behind, without
 * its key. Verdicts are locked before jobs, as everywhere.
 */
async function endStandingJobs(tx: Queryable, keys: string[]): Promise<void> {
  if (keys.length === 0) return;
  await forgetVerdictsOfKeys(tx, keys);
  await tx.query(
    `select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker._private_jobs
     where key = any ($1) and locked_at is null and attempts >= max_attempts having count(*) > 0`,
    [keys],
  );
}

/** Drops the waiting job of this key, if any. One that is running is left to find out for itself. */
export async function dropJob(tx: Queryable, key: string): Promise<void> {
  // Not `remove_job`: that marks a running job as failed for good, in case its worker dies.
  await tx.query(
    `select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker.jobs
     where key = $1 and locked_at is null having count(*) > 0`,
    [key],
  );
}
