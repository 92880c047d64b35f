import type { Queryable } from '../../db/database.ts';
import { type JobState, STATE_NAME } from '../states.ts';

export interface QueuedJob {
  id: string;
  task: string;
  state: JobState;
  attempts: number;
  maxAttempts: number;
  runAt: Date;
  lockedBy: string | null;
  lastError: string | null;
}

/** The jobs of these keys that are in the queue. A job that succeeded is not. */
export async function findJobsByKey(db: Queryable, keys: string[]): Promise<QueuedJob[]> {
  const { rows } = await db.query<QueuedJob>(
    `select j.id::text, t.identifier as task, ${STATE_NAME} as state, j.attempts::int,
       j.max_attempts::int as "maxAttempts", coalesce(v.run_at, j.run_at) as "runAt",
       j.locked_by as "lockedBy", coalesce(v.message, j.last_error) as "lastError"
     from graphile_worker._private_jobs j
     join graphile_worker._private_tasks t on t.id = j.task_id left join donations.job_verdicts v on v.job_id = j.id
     where j.key = any ($1) order by j.id`,
    [keys],
  );
  return rows;
}

/**
 * The payload of a waiting job. The public view has no payloads, so this reads one row of Graphile
 * Worker's own table (guarded by test/db/graphile-schema.test.ts).
 */
export async function readPayload(db: Queryable, jobId: string): Promise<unknown> {
  const { rows } = await db.query<{ payload: unknown }>(
    'select payload from graphile_worker._private_jobs where id = $1',
    [jobId],
  );
  return rows[0]?.payload;
}
