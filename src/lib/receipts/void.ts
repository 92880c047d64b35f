import { recordAudit } from '../audit/record.ts';
import type { Db, Queryable } from '../db/database.ts';
import { UserError } from '../errors.ts';
import { findLive, refuseIneligible, refuseUnmailable } from './by-hand.ts';
import { loadGiftFacts } from './facts.ts';
import { aboutReceipt, loadReceipt, lockReceipts, type Receipt } from './find-receipt.ts';
import { type IssuedReceipt, issueReceipts, type ReceiptOrder } from './issue.ts';
import type { Decision } from './resend.ts';
import { failWaiting } from './settle.ts';
import { findStatement, statementOrders } from './statement-orders.ts';

/** A decision that has to be explained: its reason stands on the receipt for good. */
export interface Explained extends Decision {
  reason: string;
}

/**
 * Makes a receipt void: it stays, marked, with the reason, and its donation may have another. What
 * waits to be sent of it is not sent.
 *
 * @throws UserError `failed` when it is void already, `try_again` while it is being sent.
 */
export async function voidReceipt(db: Db, receipt: Receipt, decision: Explained): Promise<void> {
  await db.transaction(async (tx) => {
    const now = await lock(tx, receipt.id);
    if (now.status === 'void')
      throw new UserError(
        'failed',
        `receipt ${now.number} is void already`,
        undefined,
        aboutReceipt(now),
      );
    await makeVoid(tx, now, decision.reason);
    await recordAudit(tx, {
      ...decision,
      action: 'receipts.void',
      subject: receipt.id,
      detail: { number: receipt.number },
    });
  });
}

export interface ReissueRequest extends Explained {
  /** Whether the new one is sent to the donor. */
  mailed: boolean;
}

/**
 * Issues a receipt anew, from the facts as they are now: the old one is void, and the new one has a
 * number of its own, says which one it replaces, and acknowledges what was not given back.
 *
 * @throws UserError `failed` when the donation is not paid, was given back, or has another receipt.
 */
export async function reissueReceipt(
  db: Db,
  receipt: Receipt,
  { mailed, ...decision }: ReissueRequest,
): Promise<IssuedReceipt> {
  return db.transaction(async (tx) => {
    const old = await lock(tx, receipt.id);
    const order = await orderOf(tx, old);
    if (old.status === 'void') await refuseOther(tx, old);
    else await makeVoid(tx, old, decision.reason);
    if (mailed) refuseUnmailable(order.gift);
    const replaces = { id: old.id, number: old.number };
    const [issued] = await issueReceipts(tx, [{ ...order, mailed, replaces }]);
    await recordAudit(tx, {
      ...decision,
      action: 'receipts.reissue',
      subject: old.id,
      detail: { number: old.number, by: issued?.receiptId, new_number: issued?.number },
    });
    return issued as IssuedReceipt;
  });
}

/** What is to be issued in place of a receipt, from the facts as they are now. */
async function orderOf(
  tx: Queryable,
  receipt: Receipt,
): Promise<Pick<ReceiptOrder, 'gift' | 'kind' | 'statement'>> {
  const { kind, donationId, content, number } = receipt;
  if (kind !== 'annual') {
    const gift = await loadGiftFacts(tx, donationId, { lock: true });
    refuseIneligible(kind, gift);
    return { gift, kind };
  }
  const year = yearOf(receipt);
  const [order] = await statementOrders(tx, year, [content.donor.id]);
  if (order) return order;
  throw new UserError(
    'failed',
    `no gift of ${year} is left to be listed in place of statement ${number}`,
    `To end it: donations receipts void ${number} --reason …`,
  );
}

/** The year of a statement. */
const yearOf = ({ content }: Receipt) => content.statement?.year as number;

async function lock(tx: Queryable, id: string): Promise<Receipt> {
  await lockReceipts(tx, [id]);
  return loadReceipt(tx, id);
}

async function makeVoid(tx: Queryable, receipt: Receipt, reason: string): Promise<void> {
  const { id, number, deliveries } = receipt;
  const sending = deliveries.find(({ status }) => status === 'sending');
  if (sending) {
    throw new UserError(
      'try_again',
      `receipt ${number} is being sent to ${sending.recipient} now`,
      `See what came of it: donations receipts show ${number}`,
      aboutReceipt(receipt),
    );
  }
  await tx.query(`update donations.receipts set status = 'void', void_reason = $2 where id = $1`, [
    id,
    reason,
  ]);
  await failWaiting(tx, id);
}

async function refuseOther(tx: Queryable, old: Receipt): Promise<void> {
  const other =
    old.replacedBy ??
    (old.kind === 'annual'
      ? await findStatement(tx, yearOf(old), old.content.donor.id)
      : await findLive(tx, old.donationId, old.kind));
  if (!other) return;
  throw new UserError(
    'failed',
    `receipt ${old.number} is void, and ${other} has taken its place`,
    `To issue that one anew: donations receipts reissue ${other} --reason …`,
    aboutReceipt(old),
  );
}
