import type { Queryable } from '../db/database.ts';
import { forgetVerdictsOfKeys } from './run/verdict-changes.ts';
import { type Payloads, TASKS, type TaskName, taskFlag } from './tasks.ts';

export type JobSpec = {
  [Task in TaskName]: {
    task: Task;
    payload: Payloads[Task];
    /** A waiting, failed or held job with the same key is replaced. */
    key?: string;
    /** Milliseconds from now until the job is due, in the time of the Postgres server. */
    inMs?: number;
  };
}[TaskName];

/**
 * Adds jobs in the caller's transaction, so that they are committed together with the domain rows.
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

/**
 * Removes what earlier jobs of these keys left, unless they are running: verdicts, and jobs that
 * failed for good. Otherwise Graphile Worker would keep a failed job and take its key away.
 * Verdicts are locked before jobs, as everywhere.
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

/**
 * Removes the waiting job of this key, if any. A running one is not touched; it checks by itself.
 */
export async function dropJob(tx: Queryable, key: string): Promise<void> {
  // `remove_job` would mark a running job as failed, in case its worker dies.
  await tx.query(
    `select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker.jobs
     where key = $1 and locked_at is null having count(*) > 0`,
    [key],
  );
}
