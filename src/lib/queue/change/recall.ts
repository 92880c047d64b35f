import type { Db, Queryable } from '../../db/database.ts';
import { findByPrefix } from '../../db/match.ts';
import { deleteOlder } from '../../db/retention.ts';
import { giveBackDeliveries } from '../../receipts/reopen.ts';
import { forgetVerdicts, reinstateVerdicts } from '../run/verdict-changes.ts';
import { changedAll, firstOf, type JobChange, type JobChunk, seeStats } from './job-change.ts';

/**
 * Stores the previous state of jobs that a paced retry schedules, so that the retry can be
 * cancelled. Must run before their verdicts are deleted.
 */
export async function rememberPaced(
  tx: Queryable,
  { ids }: JobChunk,
  operation: string,
): Promise<void> {
  await tx.query(
    `insert into donations.paced_retries (job_id, operation, verdict)
     select id, $2, to_jsonb(v) from unnest($1::bigint[]) as c(id)
     left join donations.job_verdicts v on v.job_id = c.id and v.decision <> 'retry'
     on conflict (job_id) do update set
       operation = excluded.operation, verdict = excluded.verdict, retried_at = now()`,
    [ids, operation],
  );
}

/** Removes jobs from the schedule of an earlier paced retry. */
export async function forgetPacedOf(tx: Queryable, { ids }: JobChunk): Promise<void> {
  await tx.query('delete from donations.paced_retries where job_id = any ($1::bigint[])', [ids]);
}

/** Deletes the records of paced retries after `days` days. */
export const forgetPaced = (db: Queryable, days: number): Promise<void> =>
  deleteOlder(db, { table: 'donations.paced_retries', key: 'job_id', at: 'retried_at' }, days);

/**
 * Finds a paced retry by its audit entry.
 * @throws UserError `not_found` when none of its jobs can be cancelled, `usage` when several match.
 */
export const findPacedRetry = (db: Db, ref: string): Promise<string> =>
  findByPrefix(db, { table: 'donations.paced_retries', column: 'operation' }, ref, {
    prefix: 'aud_',
    one: 'retry with --rate or --spread',
    many: 'retries',
    hint: 'Find its audit entry: donations audit --action jobs.retry',
  });

// Restores the state before the retry: the message of the verdict, or Graphile Worker's own.
const FAIL_AGAIN = `
  with gone as materialized (
    delete from donations.paced_retries where job_id = any ($1::bigint[]) returning job_id, verdict
  ),
  ended as materialized (
    select j.id from gone
    join graphile_worker._private_jobs k on k.id = gone.job_id
    cross join lateral graphile_worker.permanently_fail_jobs(
      array[gone.job_id], coalesce(gone.verdict->>'message', k.last_error)) j
  )
  select (select count(*)::int from ended) as count,
    (select coalesce(json_agg(json_build_object('job_id', job_id, 'verdict', verdict)), '[]')::text
       from gone where verdict is not null) as verdicts`;

/**
 * Cancels a paced retry for the jobs that have not started: each becomes failed or held again. Jobs
 * that have run stay as they are.
 */
export function recall(): JobChange {
  return {
    verb: 'recall',
    past: 'Recalled',
    action: 'jobs.recall',
    states: ['ready', 'scheduled', 'retrying', 'running'],
    asksForOne: true,
    effects: 'cancelled',
    next: seeStats,
    skip({ state }) {
      if (state === 'running') return `'is running'`;
      if (state === 'failed' || state === 'held') return `'has run since, and is ${state}'`;
      return firstOf([['j.attempts > 0', 'has run since, and will be retried automatically']]);
    },
    async apply(tx, chunk) {
      const { rows } = await tx.query<{ count: number; verdicts: string }>(FAIL_AGAIN, [chunk.ids]);
      changedAll(chunk, rows[0]?.count ?? 0);
      await forgetVerdicts(tx, chunk.ids);
      await reinstateVerdicts(tx, rows[0]?.verdicts ?? '[]');
      await giveBackDeliveries(tx, chunk.ids);
      return { failed_again: true };
    },
  };
}
