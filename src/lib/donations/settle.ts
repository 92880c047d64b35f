import type { Db, Queryable } from '../db/database.ts';
import type { PaymentGateway, PaymentState } from '../providers/payments.ts';
import { dropJob } from '../queue/enqueue.ts';
import { settleKey, tokenizeKey } from '../queue/keys.ts';
import { type GiftFacts, loadGiftFacts } from '../receipts/facts.ts';
import { issueReceipts } from '../receipts/issue.ts';
import { type DonationStatus, isSettled } from './donation.ts';
import { recordRefund } from './refund.ts';

/** The channel that announces settled donations; the payload is `{"id", "status"}`. */
export const SETTLED_CHANNEL = 'donations_settled';

/** The result of a payment; without an id when Stripe refused to create one. */
type Outcome =
  | PaymentState
  | (Omit<Extract<PaymentState, { status: 'declined' }>, 'paymentIntentId'> & {
      paymentIntentId: string | undefined;
    });

/**
 * Stores the result of a payment in one transaction with all consequences: the receipt, the jobs
 * for card and receipt, and the removal of the repair job. A settled donation does not
 * change.
 *
 * A declined payment is cancelled first, so that it cannot succeed later.
 */
export async function settlePayment(
  { db, payments }: { db: Db; payments: PaymentGateway },
  donationId: string,
  outcome: Outcome,
): Promise<{ status: DonationStatus; requestId: string | undefined }> {
  if (outcome.status === 'declined' && outcome.paymentIntentId !== undefined) {
    const cancelled = await payments.cancelPayment(outcome.paymentIntentId);
    // Another confirmation may have succeeded before the cancellation.
    if (cancelled.status !== 'canceled' && cancelled.status !== 'declined')
      return settlePayment({ db, payments }, donationId, cancelled);
  }
  const status = await db.transaction(async (tx) => {
    const gift = await loadGiftFacts(tx, donationId, { lock: true });
    if (isSettled(gift.status)) return gift.status;
    switch (outcome.status) {
      case 'succeeded':
        return succeed(tx, gift, outcome);
      case 'declined':
        return fail(tx, donationId, outcome.declineCode, outcome.message);
      case 'canceled':
        return fail(tx, donationId, 'canceled', 'the payment was canceled');
      case 'unconfirmed':
        return gift.status;
      default:
        await tx.query('update donations.donations set status = $2 where id = $1', [
          donationId,
          outcome.status,
        ]);
        return outcome.status;
    }
  });
  return { status, requestId: outcome.requestId };
}

async function succeed(
  tx: Queryable,
  gift: GiftFacts,
  payment: Extract<PaymentState, { status: 'succeeded' }>,
): Promise<DonationStatus> {
  const { paymentMethodId, card } = payment;
  await tx.query(
    `with charge as (
       update donations.charges set payment_method_id = $2, card_brand = $3, card_last4 = $4,
         card_exp_month = $5, card_exp_year = $6
       where donation_id = $1
     )
     update donations.donations set status = 'succeeded', settled_at = now() where id = $1`,
    [
      gift.id,
      paymentMethodId,
      card?.brand ?? null,
      card?.last4 ?? null,
      card?.expMonth ?? null,
      card?.expYear ?? null,
    ],
  );
  await announce(tx, gift.id, 'succeeded');
  if (payment.refundedMinor > 0n) {
    const evidence = `Stripe's payment ${payment.paymentIntentId}`;
    const refunded = await recordRefund(tx, gift.id, payment.refundedMinor, evidence);
    // A gift that was refunded already gets no receipt.
    return refunded ?? 'succeeded';
  }
  const cardOnReceipt = card ? { brand: card.brand, last4: card.last4 } : null;
  // Last, so that the row of the receipt counter is locked for one round trip only.
  await issueReceipts(
    tx,
    [
      {
        gift: { ...gift, card: cardOnReceipt },
        mailed: gift.donor.email !== null && gift.donor.mayBeMailed,
      },
    ],
    [
      {
        task: 'tokenize_card',
        payload: { donation_id: gift.id },
        key: tokenizeKey(gift.id),
      },
    ],
  );
  return 'succeeded';
}

/** Marks a donation as failed for good. */
async function fail(
  tx: Queryable,
  donationId: string,
  code: string,
  reason: string,
): Promise<DonationStatus> {
  await tx.query(
    `with charge as (
       update donations.charges set failure_code = $2, failure_reason = $3 where donation_id = $1
     )
     update donations.donations set status = 'failed', settled_at = now() where id = $1`,
    [donationId, code, reason],
  );
  await announce(tx, donationId, 'failed');
  return 'failed';
}

/** Notifies waiting processes, and removes the repair job. */
async function announce(tx: Queryable, id: string, status: 'succeeded' | 'failed'): Promise<void> {
  await dropJob(tx, settleKey(id));
  await tx.query('select pg_notify($1, $2)', [SETTLED_CHANNEL, JSON.stringify({ id, status })]);
}
