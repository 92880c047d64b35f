import type { Queryable } from '../../db/database.ts';

export interface QueuedJob {
  id: string;
  task: string;
  state: 'ready' | 'running' | 'scheduled' | 'retrying' | 'failed' | 'held';
  attempts: number;
  max_attempts: number;
  run_at: Date;
  locked_by: string | null;
  last_error: string | null;
}

/** The state of a Graphile Worker job `j` with our verdict `v`, if it has one. */
const STATE = `case
  when j.locked_at is not null then 'running'
  when v.decision = 'hold' then 'held'
  when v.decision = 'fail' or j.attempts >= j.max_attempts then 'failed'
  when (j.attempts > 0 or j.last_error is not null) and j.run_at > now() then 'retrying'
  when j.run_at > now() then 'scheduled'
  else 'ready' end`;

/** The jobs of these keys that are still in the queue (a job that came through is not). */
export async function findJobsByKey(db: Queryable, keys: string[]): Promise<QueuedJob[]> {
  const { rows } = await db.query<QueuedJob>(
    `select j.id::text, j.task_identifier as task, ${STATE} as state, j.attempts::int, j.max_attempts::int,
       coalesce(v.run_at, j.run_at) as run_at, j.locked_by, coalesce(v.message, j.last_error) as last_error
     from graphile_worker.jobs j left join donations.job_verdicts v on v.job_id = j.id
     where j.key = any ($1) order by j.id`,
    [keys],
  );
  return rows;
}

/**
 * What a waiting job carries. The public view leaves the payload out, so this reads Graphile
 * Worker's own table, one row by its key (guarded by test/db/graphile-schema.test.ts).
 */
export async function readPayload(db: Queryable, jobId: string): Promise<unknown> {
  const { rows } = await db.query<{ payload: unknown }>(
    'select payload from graphile_worker._private_jobs where id = $1',
    [jobId],
  );
  return rows[0]?.payload;
}
