import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Db, Queryable } from '../db/database.ts';
import { ProviderError } from '../providers/errors.ts';
import { type ChargeResult, KEY_LIFE_MS, type PaymentGateway } from '../providers/payments.ts';
import { dropJob, enqueue } from '../queue/enqueue.ts';
import { sendKey, settleKey, tokenizeKey } from '../queue/keys.ts';
import { issueReceipt } from '../receipts/issue.ts';
import { type Donation, isSettled, loadDonation } from './donation.ts';

/** What charging needs. */
export interface ChargeDeps {
  db: Db;
  payments: PaymentGateway;
  config: Config;
  clock: Clock;
}

export interface Charged {
  donation: Donation;
  /** Stripe's id of the request that settled it; undefined when it was settled before. */
  requestId: string | undefined;
}

/** The channel on which settled donations are told; the payload is `{"id", "status"}`. */
export const SETTLED_CHANNEL = 'donations_settled';

// A stored 500 is replayed for as long as the key lives. When Stripe still lists no charge this long
// after it, none was made and none is being made: https://docs.stripe.com/error-low-level#server-errors
const REPLAYED_500_MS = 15 * 60 * 1000;
// Clocks differ: an old charge is looked for a little before and after it can have been made.
const LOOKUP_MARGIN_MS = 10 * 60 * 1000;

/**
 * Charges a donation, or finds out what became of an earlier try: however often it is called, and
 * wherever its process dies, the card is charged once. The donation is `processing` with its
 * idempotency key on record before Stripe hears of it.
 *
 * @throws ProviderError when Stripe gave no answer; the donation stays `processing`.
 */
export async function chargeDonation(deps: ChargeDeps, donationId: string): Promise<Charged> {
  const found = await findEarlierCharge(deps, await loadDonation(deps.db, donationId));
  if (found) return found;

  const donation = await beginCharge(deps, donationId);
  if (isSettled(donation.status)) return { donation, requestId: undefined };
  try {
    const result = await deps.payments.charge({
      donationId,
      amount: donation.amount,
      paymentMethod: donation.paymentMethod,
      idempotencyKey: donation.chargeKey as string,
      description: `Donation ${donationId}`,
    });
    return await settleCharge(deps, donationId, result);
  } catch (error) {
    // Stripe replays the stored 500 for as long as the key lives: only a look-up says what happened.
    if (!(error instanceof ProviderError) || error.code !== 'replayed_500') throw error;
    const result = await lookUp(deps, donation);
    if (result) return settleCharge(deps, donationId, result);
    if (keyAgeMs(deps, donation) > REPLAYED_500_MS) await giveUpKey(deps, donation);
    throw error;
  }
}

/** A charge that is known, or that was tried under a key too old to be trusted. */
async function findEarlierCharge(
  deps: ChargeDeps,
  donation: Donation,
): Promise<Charged | undefined> {
  if (isSettled(donation.status)) return { donation, requestId: undefined };
  if (!donation.paymentIntentId && keyAgeMs(deps, donation) < KEY_LIFE_MS) return undefined;
  const result = await lookUp(deps, donation);
  if (result) return settleCharge(deps, donation.id, result);
  await giveUpKey(deps, donation);
  return undefined;
}

/** How long ago the key was first used; 0 when it never was. */
const keyAgeMs = ({ clock }: ChargeDeps, { chargeFirstAt }: Donation) =>
  chargeFirstAt ? clock.now().getTime() - chargeFirstAt.getTime() : 0;

/** Stripe lists no charge of this donation: the key has done nothing and never will. The next try gets another. */
async function giveUpKey({ db }: ChargeDeps, donation: Donation): Promise<void> {
  await db.query(
    `update donations.donations set charge_key = null, charge_first_at = null
     where id = $1 and charge_key = $2 and settled_at is null`,
    [donation.id, donation.chargeKey],
  );
}

const lookUp = (deps: ChargeDeps, donation: Donation) =>
  deps.payments.findCharge(
    donation.id,
    new Date((donation.chargeFirstAt ?? donation.createdAt).getTime() - LOOKUP_MARGIN_MS),
    new Date((donation.chargeLastAt ?? deps.clock.now()).getTime() + LOOKUP_MARGIN_MS),
  );

async function beginCharge({ db, clock }: ChargeDeps, donationId: string): Promise<Donation> {
  return db.transaction(async (tx) => {
    await tx.query(
      // A key given up after its life gets a successor of its own, named for when it began.
      `update donations.donations set
         status = 'processing',
         charge_key = coalesce(charge_key,
           case when charge_last_at is null then 'charge:' || id
                else 'charge:' || id || ':' || extract(epoch from $2::timestamptz)::bigint end),
         charge_first_at = coalesce(charge_first_at, $2),
         charge_last_at = $2
       where id = $1 and settled_at is null`,
      [donationId, clock.now()],
    );
    return loadDonation(tx, donationId);
  });
}

/**
 * Writes down what became of a charge, in one transaction with all that follows from it: the
 * receipt, the jobs for card and receipt, and the end of the repair job. A donation that was
 * settled meanwhile stays as it is.
 */
async function settleCharge(
  deps: ChargeDeps,
  donationId: string,
  result: ChargeResult,
): Promise<Charged> {
  const donation = await deps.db.transaction(async (tx) => {
    const before = await loadDonation(tx, donationId, true);
    if (isSettled(before.status)) return before;
    if (result.status === 'succeeded') await settleSucceeded(tx, deps, before, result);
    else if (result.status === 'declined') {
      await failDonation(tx, donationId, {
        code: result.declineCode,
        reason: result.message,
        paymentIntentId: result.paymentIntentId,
      });
    } else {
      await tx.query(
        'update donations.donations set status = $2, payment_intent_id = $3 where id = $1',
        [donationId, result.status, result.paymentIntentId],
      );
    }
    return loadDonation(tx, donationId);
  });
  return { donation, requestId: result.requestId };
}

async function settleSucceeded(
  tx: Queryable,
  { config, clock }: ChargeDeps,
  donation: Donation,
  result: Extract<ChargeResult, { status: 'succeeded' }>,
): Promise<void> {
  await tx.query(
    `update donations.donations set status = 'succeeded', settled_at = now(), payment_intent_id = $2,
       payment_method_id = $3, card_brand = $4, card_last4 = $5, card_exp_month = $6, card_exp_year = $7
     where id = $1`,
    [
      donation.id,
      result.paymentIntentId,
      result.paymentMethodId,
      result.card?.brand ?? null,
      result.card?.last4 ?? null,
      result.card?.expMonth ?? null,
      result.card?.expYear ?? null,
    ],
  );
  const { deliveryId } = await issueReceipt(tx, { donationId: donation.id, config, clock });
  const [, receiptJob] = await enqueue(tx, [
    {
      task: 'tokenize_card',
      payload: { donation_id: donation.id },
      key: tokenizeKey(donation.id),
    },
    {
      task: 'send_receipt',
      payload: { donation_id: donation.id, delivery_id: deliveryId },
      key: sendKey(deliveryId),
    },
  ]);
  await tx.query('update donations.receipt_deliveries set job_id = $2 where id = $1', [
    deliveryId,
    receiptJob,
  ]);
  await announceSettled(tx, donation.id, 'succeeded');
}

/** Ends a donation without a charge, for good, and says so to whoever waits for it. */
export async function failDonation(
  tx: Queryable,
  donationId: string,
  failure: { code: string; reason: string; paymentIntentId?: string | undefined },
): Promise<void> {
  await tx.query(
    `update donations.donations set status = 'failed', settled_at = now(),
       failure_code = $2, failure_reason = $3, payment_intent_id = coalesce($4, payment_intent_id)
     where id = $1 and settled_at is null`,
    [donationId, failure.code, failure.reason, failure.paymentIntentId ?? null],
  );
  await announceSettled(tx, donationId, 'failed');
}

async function announceSettled(
  tx: Queryable,
  id: string,
  status: 'succeeded' | 'failed',
): Promise<void> {
  await dropJob(tx, settleKey(id));
  await tx.query('select pg_notify($1, $2)', [SETTLED_CHANNEL, JSON.stringify({ id, status })]);
}
