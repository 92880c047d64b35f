import type { Queryable } from '../../db/database.ts';

/**
 * Applies verdicts to Graphile Worker: reschedules jobs, or fails them for good. Jobs that are
 * still locked are left for the next call. Any worker may apply any verdict, so a verdict outlives
 * the process that wrote it.
 *
 * @returns how many were applied, and how many wait until their job is unlocked.
 */
export async function applyVerdicts(db: Queryable): Promise<{ applied: number; waiting: number }> {
  const { rows } = await db.query<{ applied: number; waiting: number }>(
    `with due as materialized (
       select v.* from donations.job_verdicts v
       where v.applied_at is null
       order by v.decided_at limit 1000
       for update skip locked
     ),
     again as materialized (
       select job.id from due cross join lateral graphile_worker.reschedule_jobs(
         array[due.job_id], run_at => due.run_at, attempts => due.attempts::int) job
       where due.decision = 'retry'
     ),
     ended as materialized (
       select job.id from due cross join lateral graphile_worker.permanently_fail_jobs(
         array[due.job_id], due.message) job
       where due.decision <> 'retry'
     ),
     settled as (
       select due.job_id, due.decision = 'retry' as over from due
       where due.job_id in (select id from again union all select id from ended)
       union all
       -- When a job is gone (completed or removed by others), its verdict is deleted.
       select due.job_id, true from due
       where not exists (select 1 from graphile_worker.jobs j where j.id = due.job_id)
     ),
     standing as (
       update donations.job_verdicts v set applied_at = now()
       from settled where v.job_id = settled.job_id and not settled.over returning 1
     ),
     done as (
       delete from donations.job_verdicts v using settled
       where v.job_id = settled.job_id and settled.over returning 1
     )
     select (select count(*) from settled)::int as applied,
            ((select count(*) from due) - (select count(*) from settled))::int as waiting`,
  );
  return rows[0] ?? { applied: 0, waiting: 0 };
}

/**
 * True when the verdict on the job's last attempt is not applied yet; then the job must not run.
 */
export async function hasPendingVerdict(db: Queryable, jobId: string): Promise<boolean> {
  const { rowCount } = await db.query(
    'select 1 from donations.job_verdicts where job_id = $1 and applied_at is null',
    [jobId],
  );
  return (rowCount ?? 0) > 0;
}

/** Deletes verdicts whose job is gone or was run again by others. */
export async function dropStaleVerdicts(db: Queryable): Promise<void> {
  await db.query(
    `delete from donations.job_verdicts v
     where v.decision <> 'retry' and v.applied_at < now() - interval '1 minute' and not exists (
       select 1 from graphile_worker._private_jobs j
       where j.id = v.job_id and j.attempts >= j.max_attempts)`,
  );
}
