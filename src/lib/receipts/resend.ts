import { type Operator, recordAudit } from '../audit/record.ts';
import type { Db, Queryable } from '../db/database.ts';
import { UserError } from '../errors.ts';
import { newId } from '../ids.ts';
import { enqueue } from '../queue/enqueue.ts';
import { sendKey } from '../queue/keys.ts';
import { loadReceipt, type Receipt } from './find.ts';

/** Who decides, and why. */
export interface Decision extends Operator {
  reason?: string | undefined;
}

/**
 * Sends a receipt again: the same number and content, marked COPY, as a delivery of its own. A
 * person has decided so, and the audit trail says who.
 *
 * @param to another address than the donor's.
 * @throws UserError `try_again` while the receipt is under way, `failed` when it is void.
 */
export async function resendReceipt(
  db: Db,
  receipt: Receipt,
  { to, ...decision }: Decision & { to?: string | undefined },
): Promise<{ deliveryId: string; jobId: bigint; recipient: string }> {
  const recipient = to ?? receipt.content.donor.email;
  return db.transaction(async (tx) => {
    // Two operators who resend at once are told of each other.
    await tx.query('select 1 from donations.receipts where id = $1 for update', [receipt.id]);
    refuseWhileUnderWay(await loadReceipt(tx, receipt.id));
    const deliveryId = newId('delivery');
    await tx.query(
      `insert into donations.receipt_deliveries (id, receipt_id, kind, recipient, status)
       values ($1, $2, 'copy', $3, 'pending')`,
      [deliveryId, receipt.id, recipient],
    );
    const jobId = await enqueueDelivery(tx, receipt.donationId, deliveryId);
    await recordAudit(tx, {
      ...decision,
      action: 'receipts.resend',
      subject: receipt.id,
      detail: { delivery: deliveryId, number: receipt.number, job: jobId.toString() },
    });
    return { deliveryId, jobId, recipient };
  });
}

function refuseWhileUnderWay({ number, status, donationId, deliveries }: Receipt): void {
  if (status === 'void') throw new UserError('failed', `receipt ${number} is void`);
  const open = deliveries.find((each) => each.status === 'pending' || each.status === 'sending');
  if (!open) return;
  throw new UserError(
    'try_again',
    `receipt ${number} is under way to ${open.recipient} (${open.status})`,
    `See it: donations show ${donationId}`,
    { about: { donation: donationId, receipt: number } },
  );
}

/** Adds the job that sends a delivery, and notes it there. */
export async function enqueueDelivery(
  tx: Queryable,
  donationId: string,
  deliveryId: string,
): Promise<bigint> {
  const [jobId] = await enqueue(tx, [
    {
      task: 'send_receipt',
      payload: { donation_id: donationId, delivery_id: deliveryId },
      key: sendKey(deliveryId),
    },
  ]);
  await tx.query('update donations.receipt_deliveries set job_id = $2 where id = $1', [
    deliveryId,
    jobId,
  ]);
  return jobId as bigint;
}
