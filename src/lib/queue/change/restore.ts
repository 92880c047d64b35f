import { type Actor, recordAudit } from '../../audit/record.ts';
import type { Db, Queryable } from '../../db/database.ts';
import { findByPrefix } from '../../db/match.ts';
import { deleteOlder } from '../../db/retention.ts';
import { notFound } from '../../errors.ts';
import { newId } from '../../ids.ts';
import { moveDelivery } from '../../receipts/reopen.ts';
import { reinstateVerdicts } from '../run/verdict-changes.ts';

export interface Restored {
  operation: string | undefined;
  restored: number;
  /** A job with the same key exists, so this one was not restored. */
  replaced: number;
}

const CHUNK = 500;

// Restores the jobs as they were. A failed job comes back failed, so that it does not run by
// itself.
const RAISE = `
  with chosen as materialized (
    select d.*, exists (select 1 from graphile_worker.jobs j where j.key = d.key) as replaced
    from donations.discarded_jobs d
    where (d.operation = $1 or d.job_id = $2::bigint) and d.restored_as is null and d.job_id > $3::bigint
    order by d.job_id limit ${CHUNK} for update
  ),
  added as materialized (
    select c.*, (graphile_worker.add_job(identifier => c.task, payload => c.payload,
      queue_name => c.queue, run_at => c.run_at, max_attempts => c.max_attempts, job_key => c.key,
      priority => c.priority, flags => c.flags)).id as new_id
    from chosen c where not c.replaced
  ),
  counted as materialized (
    select a.job_id, a.new_id, (
      select count(*) from graphile_worker.reschedule_jobs(array[a.new_id], attempts => a.attempts)) as n
    from added a
  ),
  ended as materialized (
    select a.new_id, (
      select count(*) from graphile_worker.permanently_fail_jobs(array[a.new_id], a.last_error)) as n
    from added a join counted using (new_id) where a.attempts >= a.max_attempts
  ),
  marked as (
    update donations.discarded_jobs d set restored_as = c.new_id, restored_at = now()
    from counted c where d.job_id = c.job_id
  )
  select c.job_id::text as old, a.new_id::text as new, c.replaced, c.verdict,
    (select count(*) from ended) as ended
  from chosen c left join added a on a.job_id = c.job_id order by c.job_id`;

interface RaisedRow {
  old: string;
  /** The id of the restored job. */
  new: string | null;
  replaced: boolean;
  /** The former row of job_verdicts. */
  verdict: Record<string, unknown> | null;
}

/**
 * Restores discarded jobs as they were, under new ids.
 *
 * @param ref the audit entry of a discard, or the id of one job.
 * @throws UserError `not_found` when no such job is kept.
 */
export async function restoreJobs(
  db: Db,
  ref: string,
  { operator, reason }: { operator: Actor; reason: string | undefined },
): Promise<Restored> {
  const isJob = /^\d{1,18}$/.test(ref);
  const [operation, job] = isJob ? [null, ref] : [await findDiscard(db, ref), null];
  const result: Restored = { operation: undefined, restored: 0, replaced: 0 };
  let after = '0';
  for (;;) {
    const chunk = await db.transaction(async (tx) => {
      const { rows } = await tx.query<RaisedRow>(RAISE, [operation, job, after]);
      const pairs = rows.flatMap((row) => (row.new ? [[row.old, row.new] as const] : []));
      const judged = rows.filter((row) => row.new && row.verdict);
      await reinstateVerdicts(
        tx,
        JSON.stringify(judged.map((row) => ({ job_id: row.new, verdict: row.verdict }))),
      );
      for (const [from, to] of pairs) await moveDelivery(tx, from, to);
      const id = result.operation ?? newId('audit');
      if (pairs.length > 0) {
        const who = { ...operator, action: 'jobs.restore' as const, reason };
        if (!result.operation) await recordAudit(tx, { ...who, id, subject: ref });
        await recordAudit(tx, {
          ...who,
          operation: id,
          affected: pairs.length,
          detail: { restored: pairs },
        });
      }
      return { rows, restored: pairs.length, id };
    });
    if (chunk.rows.length === 0) break;
    after = chunk.rows.at(-1)?.old as string;
    result.restored += chunk.restored;
    result.replaced += chunk.rows.length - chunk.restored;
    if (chunk.restored > 0) result.operation = chunk.id;
  }
  if (result.restored + result.replaced === 0) throw await nothingLeft(db, operation, job);
  return result;
}

const findDiscard = (db: Queryable, ref: string) =>
  findByPrefix(db, { table: 'donations.discarded_jobs', column: 'operation' }, ref, {
    prefix: 'aud_',
    one: 'discard',
    many: 'discards',
    hint: 'Give the audit entry (aud_…) of the discard, or a job’s id: donations audit --action jobs.discard',
  });

async function nothingLeft(db: Queryable, operation: string | null, job: string | null) {
  const { rows } = await db.query<{ restored_as: bigint }>(
    `select restored_as from donations.discarded_jobs
     where (operation = $1 or job_id = $2::bigint) and restored_as is not null limit 1`,
    [operation, job],
  );
  if (!rows[0]) return notFound(`no discarded job ${job}`, 'Discarded jobs are kept for 30 days.');
  return notFound(
    job
      ? `job ${job} was restored before, as ${rows[0].restored_as}`
      : 'all of its jobs were restored before',
  );
}

/** Deletes the copies of discarded jobs after `days` days. */
export const forgetDiscarded = (db: Queryable, days: number): Promise<void> =>
  deleteOlder(db, { table: 'donations.discarded_jobs', key: 'job_id', at: 'discarded_at' }, days);
