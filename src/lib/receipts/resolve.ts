import { recordAudit } from '../audit/record.ts';
import type { Db, Queryable } from '../db/database.ts';
import { UserError } from '../errors.ts';
import { forgetVerdicts } from '../queue/run/verdict-changes.ts';
import type { Delivery, Receipt } from './find.ts';
import { type Decision, enqueueDelivery } from './resend.ts';

/**
 * Settles a held delivery by a person's decision: it was sent, or it is to be sent (again).
 *
 * @param outcome `sent`: nothing more is sent. `resend`: it goes out, although it may have before.
 * @throws UserError `failed` when nothing of the receipt is held.
 */
export async function resolveDelivery(
  db: Db,
  receipt: Receipt,
  { outcome, ...decision }: Decision & { outcome: 'sent' | 'resend' },
): Promise<Delivery> {
  const held = receipt.deliveries.find(({ status }) => status === 'held');
  if (!held) {
    const last = receipt.deliveries.at(-1);
    throw new UserError(
      'failed',
      `receipt ${receipt.number} is not held${last ? `: it is ${last.status}` : ''}`,
      `To send it again: donations receipts resend ${receipt.number}`,
    );
  }
  await db.transaction(async (tx) => {
    // Evidence or another operator may have settled it since it was looked up.
    const changed =
      outcome === 'sent'
        ? await accept(tx, held.id, `${decision.actor} says that it was sent`, undefined)
        : await reopen(tx, held.id);
    if (!changed)
      throw new UserError(
        'try_again',
        `delivery ${held.id} was settled meanwhile`,
        `See it: donations receipts show ${receipt.number}`,
      );
    if (outcome === 'resend') await enqueueDelivery(tx, receipt.donationId, held.id);
    await recordAudit(tx, {
      ...decision,
      action: 'receipts.resolve',
      subject: receipt.id,
      detail: { delivery: held.id, number: receipt.number, outcome },
    });
  });
  return held;
}

/**
 * Settles a held delivery by evidence, in the caller's transaction: the provider tells of a mail
 * that names it, so it was accepted.
 * @returns false when it is not held: settled before, or unknown.
 */
export function settleByEvidence(
  tx: Queryable,
  {
    deliveryId,
    messageId,
    evidence,
  }: { deliveryId: string; messageId: string | undefined; evidence: string },
): Promise<boolean> {
  return accept(tx, deliveryId, evidence, messageId);
}

async function accept(
  tx: Queryable,
  id: string,
  evidence: string,
  messageId: string | undefined,
): Promise<boolean> {
  const { rows } = await tx.query<{ job_id: bigint | null }>(
    `update donations.receipt_deliveries
     set status = 'accepted', accepted_at = now(), reason = null, evidence = $2, message_id = coalesce($3, message_id)
     where id = $1 and status = 'held' returning job_id`,
    [id, evidence, messageId ?? null],
  );
  if (!rows[0]) return false;
  await endJob(tx, rows[0].job_id);
  return true;
}

async function reopen(tx: Queryable, id: string): Promise<boolean> {
  const { rows } = await tx.query<{ job_id: bigint | null }>(
    `update donations.receipt_deliveries set status = 'pending', claim = null, claimed_at = null
     where id = $1 and status = 'held' returning job_id`,
    [id],
  );
  if (!rows[0]) return false;
  await endJob(tx, rows[0].job_id);
  return true;
}

/** The held job has nothing left to do. */
async function endJob(tx: Queryable, jobId: bigint | null): Promise<void> {
  if (jobId === null) return;
  await forgetVerdicts(tx, `{${jobId}}`);
  await tx.query('select graphile_worker.complete_jobs(array[$1::bigint])', [jobId]);
}
