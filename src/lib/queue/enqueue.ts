import { arrayOf } from '../db/array-of.ts';
import type { Queryable } from '../db/database.ts';
import type { Bindings } from '../filter/compile.ts';
import { traceFields, withTrace } from '../trace.ts';
import { forgetVerdictsOfKeys } from './run/verdict-changes.ts';
import { type Payloads, TASKS, type TaskName, taskFlag } from './tasks.ts';

export type JobSpec = {
  [Task in TaskName]: {
    task: Task;
    payload: Payloads[Task];
    /** A waiting, failed or held job with the same key is replaced. */
    key?: string;
    /** The key was made just now: there is nothing that the job replaces. */
    isNew?: boolean;
    /** Milliseconds from now until the job is due, in the time of the Postgres server. */
    inMs?: number;
    /** Jobs of a lower number go first; 0 if not given. */
    priority?: number;
  };
}[TaskName];

/**
 * Adds jobs in the caller's transaction, so that they are committed together with the domain rows. A
 * job's payload has the trace context of the caller, if there is one.
 * @returns Graphile Worker's job ids, in the order of the specs.
 */
export async function enqueue(tx: Queryable, jobs: JobSpec[]): Promise<bigint[]> {
  const keys = jobs.flatMap(({ key, isNew }) => (isNew ? [] : (key ?? [])));
  if (keys.length > 0) await endStandingJobsOf(tx, '$1::text[]', [arrayOf(keys)]);
  const values = [specsOf(jobs)];
  if (!haveKeys(jobs)) {
    const { rows } = await tx.query<{ id: bigint }>(ADD_EACH, values);
    return rows.map((row) => row.id);
  }
  const { rows } = await tx.query<{ id: bigint; key: string }>(ADD_WITH_KEYS, values);
  const ids = new Map(rows.map(({ id, key }) => [key, id]));
  return jobs.map(({ key }) => ids.get(key as string) as bigint);
}

/** Jobs of one task, as SQL: one for each row of `from`, whose columns the other parts use. */
export interface JobsSql {
  from: string;
  /** The payload, as json. */
  payload: string;
  /** Each has a key of its own. */
  key: string;
  /** Milliseconds from now until the job is due, in the time of the Postgres server. */
  inMs: string;
}

/**
 * SQL: adds the jobs and returns the `id` and `key` of each, for the `with` of a statement that
 * changes their rows. For many jobs this is faster than `enqueue`, because neither payloads nor ids
 * go over the connection. The caller calls `endStandingJobsOf` first.
 */
export function addJobsSql(
  task: TaskName,
  { from, payload, key, inMs }: JobsSql,
  bindings: Bindings,
): string {
  const trace = traceFields();
  const whole = trace
    ? `(${payload}::jsonb || ${bindings.add(JSON.stringify(trace))}::jsonb)::json`
    : payload;
  return `select id, key from graphile_worker.add_jobs((
    select array_agg(row('${task}', ${whole}, null, now() + make_interval(secs => ${inMs} / 1000),
      ${TASKS[task].maxAttempts}, ${key}, 0, array['${taskFlag(task)}'])::graphile_worker.job_spec)
    from ${from}))`;
}

/** The jobs as JSON for Graphile Worker. Usual values are left out. */
const specsOf = (jobs: JobSpec[]): string =>
  JSON.stringify(
    jobs.map(({ task, payload, key, inMs, priority }) => ({
      task,
      payload: withTrace(payload),
      key,
      in_ms: inMs || undefined,
      priority: priority || undefined,
      max_attempts: TASKS[task].maxAttempts,
      flag: taskFlag(task),
    })),
  );

const SPECS = `rows from (json_to_recordset($1::json) as
  (task text, payload json, key text, in_ms float8, priority smallint, max_attempts smallint, flag text))
  with ordinality as spec(task, payload, key, in_ms, priority, max_attempts, flag, position)`;

const PRIORITY = 'coalesce(spec.priority, 0::smallint)';

const RUN_AT = 'now() + make_interval(secs => spec.in_ms / 1000)';

const ADD_EACH = `
  select (graphile_worker.add_job(
    identifier => spec.task, payload => spec.payload, run_at => ${RUN_AT},
    max_attempts => spec.max_attempts, job_key => spec.key, priority => ${PRIORITY},
    flags => array[spec.flag])).id
  from ${SPECS} order by position`;

// In one go: for each call Graphile Worker looks through the queue for keys that are taken.
const ADD_WITH_KEYS = `
  select id, key from graphile_worker.add_jobs((
    select array_agg(row(task, payload, null, ${RUN_AT}, max_attempts, key, ${PRIORITY}, array[flag])::graphile_worker.job_spec
      order by position)
    from ${SPECS}))`;

/** Whether each has a key of its own, by which it is known again. */
const haveKeys = (jobs: JobSpec[]) =>
  jobs.length > 1 && new Set(jobs.flatMap(({ key }) => key ?? [])).size === jobs.length;

/**
 * Removes what earlier jobs of these keys left, unless they are running: verdicts, and jobs that
 * failed for good. Otherwise Graphile Worker would keep a failed job and take its key away.
 * Verdicts are locked before jobs, as everywhere.
 * @param keys SQL: an array of texts, with its values.
 */
export async function endStandingJobsOf(
  tx: Queryable,
  keys: string,
  values: unknown[],
): Promise<void> {
  await forgetVerdictsOfKeys(tx, keys, values);
  await tx.query(
    `select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker._private_jobs
     where key = any (${keys}) and locked_at is null and attempts >= max_attempts having count(*) > 0`,
    values,
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
