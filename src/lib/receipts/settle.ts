import { arrayOf } from '../db/array-of.ts';
import type { Queryable } from '../db/database.ts';
import { forgetVerdicts } from '../queue/run/verdict-changes.ts';

/**
 * Keeps evidence that a delivery's mail went out, in the caller's transaction. It locks the delivery:
 * an attempt that ends now sees it. A settled delivery does not change.
 */
export async function keepEvidence(
  tx: Queryable,
  { id, evidence, messageId }: { id: string; evidence: string; messageId: string | undefined },
): Promise<void> {
  await tx.query(
    `update donations.receipt_deliveries
     set evidence = $2, message_id = coalesce($3, message_id)
     where id = $1 and status in ('held', 'pending', 'sending') and evidence is null`,
    [id, evidence, messageId ?? null],
  );
}

/**
 * A delivery that has evidence is accepted, and its job ends. While an attempt is sending it, whose job
 * is locked, the answer may still come, so it is left alone.
 *
 * @param whileSending also then: the attempt cannot say more than the evidence.
 * @returns false when there is nothing to settle.
 */
export async function acceptProved(
  tx: Queryable,
  id: string,
  { whileSending = false } = {},
): Promise<boolean> {
  const { rows } = await tx.query<{ jobId: bigint | null }>(
    `update donations.receipt_deliveries
     set status = 'accepted', accepted_at = now(), reason = null
     where id = $1 and evidence is not null
       and (status in ('held', 'pending') or (status = 'sending' and ($2 or not exists (
         select 1 from graphile_worker._private_jobs j
         where j.id = receipt_deliveries.job_id and j.locked_at is not null))))
     returning job_id as "jobId"`,
    [id, whileSending],
  );
  if (!rows[0]) return false;
  await endJob(tx, rows[0].jobId);
  return true;
}

/**
 * Held deliveries count as sent, because a person says so, and their jobs end.
 * @returns how many were held.
 */
export async function acceptHeld(tx: Queryable, ids: string[], evidence: string): Promise<number> {
  const { rows } = await tx.query<{ jobId: bigint | null }>(
    `update donations.receipt_deliveries
     set status = 'accepted', accepted_at = now(), reason = null, evidence = coalesce(evidence, $2)
     where id = any ($1) and status = 'held' returning job_id as "jobId"`,
    [ids, evidence],
  );
  await endJobs(
    tx,
    rows.flatMap(({ jobId }) => jobId ?? []),
  );
  return rows.length;
}

/** Jobs that have nothing left to do end. One that runs finds out for itself. */
export async function endJobs(tx: Queryable, jobs: (bigint | number)[]): Promise<void> {
  if (jobs.length === 0) return;
  const ids = arrayOf(jobs);
  await forgetVerdicts(tx, ids);
  await tx.query('select count(*) from graphile_worker.complete_jobs($1::bigint[])', [ids]);
}

const endJob = (tx: Queryable, job: bigint | null) => endJobs(tx, job === null ? [] : [job]);

/** Why deliveries of a void receipt failed. No attempt may claim one that says so. */
export const IS_VOID = 'the receipt is void';

/** What waits to be sent of a receipt that is void now is not sent, and its jobs end. */
export async function failWaiting(tx: Queryable, receiptId: string): Promise<void> {
  const { rows } = await tx.query<{ jobId: bigint | null }>(
    `update donations.receipt_deliveries set status = 'failed', reason = $2
     where receipt_id = $1 and status in ('pending', 'failed') returning job_id as "jobId"`,
    [receiptId, IS_VOID],
  );
  await endJobs(
    tx,
    rows.flatMap(({ jobId }) => jobId ?? []),
  );
}

/**
 * Receipts and statements that acknowledge a donation and were not sent become void, in the caller's
 * transaction: what they say is no longer true. The donor's other gifts of the year need a new statement.
 * @param what happened to the gift: `was returned`.
 */
export async function stopUnsentReceipts(
  tx: Queryable,
  donationId: string,
  what: string,
): Promise<void> {
  const { rows } = await tx.query<{ id: string }>(
    `update donations.receipts r set status = 'void', void_reason = case r.kind
       when 'annual' then 'gift ' || $1 || ' ' || $2 || ' before the statement was sent'
       else 'the gift ' || $2 || ' before the receipt was sent' end
     from donations.receipt_donations c
     where c.donation_id = $1 and c.kind <> 'refund' and c.live and r.id = c.receipt_id
       and exists (select 1 from donations.receipt_deliveries d where d.receipt_id = r.id)
       and not exists (select 1 from donations.receipt_deliveries d
         where d.receipt_id = r.id and (d.status in ('accepted', 'sending', 'held') or d.resends > 0))
     returning r.id`,
    [donationId, what],
  );
  for (const { id } of rows) await failWaiting(tx, id);
}
