import type { Queryable } from '../../db/database.ts';

// Changes of verdicts outside the worker: when a person decides, or a job is removed.

/**
 * Deletes the verdicts of jobs, because a person has decided about them.
 * @param jobs their ids, as a Postgres array.
 */
export async function forgetVerdicts(tx: Queryable, jobs: string): Promise<void> {
  await tx.query('delete from donations.job_verdicts where job_id = any ($1::bigint[])', [jobs]);
}

/**
 * Deletes the verdicts of jobs of these keys that are not running, because new jobs replace them. In one
 * statement: a job that begins after a look at it keeps its verdict.
 * @param keys SQL: an array of texts, with its values.
 */
export async function forgetVerdictsOfKeys(
  tx: Queryable,
  keys: string,
  values: unknown[],
): Promise<void> {
  await tx.query(
    `delete from donations.job_verdicts v using graphile_worker._private_jobs j
     where j.key = any (${keys}) and j.locked_at is null and v.job_id = j.id`,
    values,
  );
}

/**
 * Restores deleted verdicts.
 * @param verdicts a JSON array of `{ job_id, verdict }`, the verdict as a row of its table.
 */
export async function reinstateVerdicts(tx: Queryable, verdicts: string): Promise<void> {
  await tx.query(
    `insert into donations.job_verdicts (job_id, task, donation_id, decision, attempt, attempts,
       error_class, error_code, message, fingerprint, decided_at, applied_at)
     select r.job_id, v.task, v.donation_id, v.decision, v.attempt, v.attempts, v.error_class,
       v.error_code, v.message, v.fingerprint, v.decided_at, now()
     from json_to_recordset($1::json) as r(job_id bigint, verdict jsonb)
     cross join lateral jsonb_populate_record(null::donations.job_verdicts, r.verdict) v`,
    [verdicts],
  );
}

/**
 * Whether one of these jobs has a final verdict that is not applied to Graphile Worker yet.
 * @param jobs their ids, as a Postgres array.
 */
export async function hasEndedAny(tx: Queryable, jobs: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    `select 1 from donations.job_verdicts
     where job_id = any ($1::bigint[]) and applied_at is null and decision <> 'retry' limit 1`,
    [jobs],
  );
  return (rowCount ?? 0) > 0;
}
