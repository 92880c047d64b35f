import type { Queryable } from '../../src/lib/db/database.ts';
import { fingerprint } from '../../src/lib/queue/fingerprint.ts';

export interface JobRecipe {
  task?: string;
  payload?: Record<string, unknown>;
  key?: string;
  queue?: string;
  state?: 'ready' | 'scheduled' | 'retrying' | 'running' | 'failed' | 'held' | 'failed by others';
  attempts?: number;
  error?: string;
  errorClass?: string;
  /** Milliseconds since the job got into its state. */
  ageMs?: number;
  lockedBy?: string;
}

/** Adds a job in any state, as Graphile Worker and the policy would have left it. */
export async function addJob(db: Queryable, recipe: JobRecipe = {}): Promise<string> {
  const {
    task = 'send_receipt',
    payload = {},
    key,
    queue,
    state = 'ready',
    attempts = 1,
    error = 'it broke',
    errorClass = state === 'held' ? 'unknown_outcome' : 'permanent',
    ageMs = 60_000,
    lockedBy = 'somebody',
  } = recipe;
  const { rows } = await db.query<{ id: string }>(
    `select id::text from graphile_worker.add_job($1, $2, queue_name => $3, job_key => $4,
       run_at => now() - make_interval(secs => $5::float8 / 1000), flags => array['task:' || $1])`,
    [task, JSON.stringify(payload), queue ?? null, key ?? null, ageMs],
  );
  const id = (rows[0] as { id: string }).id;
  const set = (sql: string, ...values: unknown[]) =>
    db.query(`update graphile_worker._private_jobs j set ${sql} where id = $1`, [id, ...values]);
  switch (state) {
    case 'ready':
      break;
    case 'scheduled':
      await set(
        `run_at = now() + interval '1 hour', created_at = now() - make_interval(secs => $2::float8 / 1000)`,
        ageMs,
      );
      break;
    case 'retrying':
      await set(
        `run_at = now() + interval '1 minute', attempts = $2, last_error = $3,
         created_at = now() - make_interval(secs => $4::float8 / 1000)`,
        attempts,
        error,
        ageMs,
      );
      break;
    case 'running':
      await set(
        `locked_at = now() - make_interval(secs => $2::float8 / 1000), locked_by = $3, attempts = 1`,
        ageMs,
        lockedBy,
      );
      break;
    default:
      await set(
        `attempts = max_attempts, last_error = $2, updated_at = now() - make_interval(secs => $3::float8 / 1000)`,
        error,
        ageMs,
      );
  }
  if (state === 'failed' || state === 'held') {
    await db.query(
      `insert into donations.job_verdicts (job_id, task, donation_id, decision, attempt, error_class,
         error_code, message, fingerprint, decided_at, applied_at)
       values ($1, $2, $3, $4, $5, $6, 'E42', $7, $8, now() - make_interval(secs => $9::float8 / 1000), now())`,
      [
        id,
        task,
        payload.donation_id ?? null,
        state === 'failed' ? 'fail' : 'hold',
        attempts,
        errorClass,
        error,
        fingerprint(errorClass, error),
        ageMs,
      ],
    );
  }
  return id;
}
