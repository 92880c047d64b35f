import { type Actor, recordAudit } from '../audit/record.ts';
import type { Db } from '../db/database.ts';
import { UserError } from '../errors.ts';
import { newId } from '../ids.ts';
import { findProblem } from './addresses.ts';
import { sendByNewJob } from './enqueue.ts';
import { aboutReceipt, loadReceipt, lockReceipts, type Receipt } from './find-receipt.ts';

/** Who decides, and why. */
export interface Decision extends Actor {
  reason?: string | undefined;
}

/**
 * Sends a receipt again: the same number and content, marked COPY, as a delivery of its own. A
 * person has decided so, and the audit trail says who.
 *
 * @param to another address than the donor's.
 * @param force also to an address that gets no mail because mail to it did not arrive.
 * @throws UserError `try_again` while the receipt is under way, `failed` when it is void or held, or
 * the address gets no mail.
 */
export async function resendReceipt(
  db: Db,
  receipt: Receipt,
  {
    to,
    force = false,
    ...decision
  }: Decision & {
    to?: string | undefined;
    force?: boolean | undefined;
  },
): Promise<{ deliveryId: string; jobId: bigint; recipient: string }> {
  const recipient = to ?? receipt.content.donor.email;
  return db.transaction(async (tx) => {
    // When two operators resend at once, the second one learns of the first.
    await lockReceipts(tx, [receipt.id]);
    refuseWhileOpen(await loadReceipt(tx, receipt.id));
    if (recipient === '') {
      throw new UserError(
        'failed',
        `the donor of receipt ${receipt.number} has no e-mail address`,
        'Name one: --to ADDRESS',
        aboutReceipt(receipt),
      );
    }
    const problem = force ? undefined : await findProblem(tx, recipient);
    if (problem) {
      throw new UserError(
        'failed',
        `${recipient} gets no mail: ${problem}`,
        'Name another address with --to, or send it all the same with --force.',
        aboutReceipt(receipt),
      );
    }
    const deliveryId = newId('delivery');
    await tx.query(
      `insert into donations.receipt_deliveries (id, receipt_id, kind, recipient, status, forced)
       values ($1, $2, 'copy', $3, 'pending', $4)`,
      [deliveryId, receipt.id, recipient, force],
    );
    const jobId = await sendByNewJob(tx, deliveryId);
    await recordAudit(tx, {
      ...decision,
      action: 'receipts.resend',
      subject: receipt.id,
      detail: { delivery: deliveryId, number: receipt.number, job: jobId.toString() },
    });
    return { deliveryId, jobId, recipient };
  });
}

function refuseWhileOpen(receipt: Receipt): void {
  const { number, status, deliveries } = receipt;
  if (status === 'void')
    throw new UserError('failed', `receipt ${number} is void`, undefined, aboutReceipt(receipt));
  const held = deliveries.find((each) => each.status === 'held');
  if (held) {
    throw new UserError(
      'failed',
      `receipt ${number} is held: the mail to ${held.recipient} may have gone out`,
      `Look for it at SendGrid, then decide: donations receipts resolve ${number} --sent, or --resend`,
      aboutReceipt(receipt),
    );
  }
  const open = underWay(deliveries);
  if (!open) return;
  throw new UserError(
    'try_again',
    `receipt ${number} is under way to ${open.recipient} (${open.status})`,
    `See it: donations receipts show ${number}`,
    aboutReceipt(receipt),
  );
}

/** A delivery that a worker has, or will have. */
export const underWay = (deliveries: Receipt['deliveries']) =>
  deliveries.find(({ status }) => status === 'pending' || status === 'sending');
