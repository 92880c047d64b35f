import type { Db, Queryable } from '../db/database.ts';
import { notFound } from '../errors.ts';
import type { Money } from '../money.ts';
import { ProviderError } from '../providers/errors.ts';
import type { PaymentGateway, PaymentState } from '../providers/payments.ts';
import { enqueue } from '../queue/enqueue.ts';
import { type DonationStatus, isSettled } from './donation.ts';
import { settleJob } from './record.ts';
import { settlePayment } from './settle.ts';

/** The dependencies of charging. */
export interface ChargeDeps {
  db: Db;
  payments: PaymentGateway;
}

export interface Charged {
  status: DonationStatus;
  /** Stripe's id of the request that settled the donation; undefined when it was settled before. */
  requestId: string | undefined;
}

/**
 * Charges a donation, or finds out the result of an earlier try. The card is charged at most once,
 * however often and concurrently this is called, and wherever a process dies. A payment is created
 * unconfirmed, its id is committed to the charge (the first writer wins), and only that id is ever
 * confirmed. A PaymentIntent makes at most one successful charge
 * (https://docs.stripe.com/api/payment_intents/object).
 *
 * When Stripe refuses a creation or confirmation permanently, the donation fails.
 *
 * @throws ProviderError when Stripe gave no answer; the donation stays `processing`.
 */
export async function chargeDonation(deps: ChargeDeps, donationId: string): Promise<Charged> {
  const found = await loadOpenCharge(deps.db, donationId);
  if (isSettled(found.status)) return { status: found.status, requestId: undefined };
  try {
    const state = found.paymentIntentId
      ? await continuePayment(deps, found.paymentIntentId)
      : await beginPayment(deps, found);
    if (state) return await settlePayment(deps, donationId, state);
    const { status } = await loadOpenCharge(deps.db, donationId);
    return { status, requestId: undefined };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const { code, message, requestId } = error.by;
    return await settlePayment(deps, donationId, {
      status: 'declined',
      paymentIntentId: error.paymentIntentId,
      declineCode: code ?? 'refused',
      message,
      requestId,
    });
  }
}

/**
 * Charges a donation that the caller has just recorded. When Stripe gives no answer, the repair job
 * is moved forward, so that the donation is settled sooner.
 *
 * @throws ProviderError as `chargeDonation` does.
 */
export async function chargeNow(deps: ChargeDeps, donationId: string): Promise<Charged> {
  try {
    return await chargeDonation(deps, donationId);
  } catch (error) {
    if (error instanceof ProviderError)
      await enqueue(deps.db, [settleJob(donationId, error.retryAfterMs ?? SETTLE_SOON_MS)]);
    throw error;
  }
}

const SETTLE_SOON_MS = 2000;

/** Stripe refused a creation or a confirmation permanently; repeating it would fail again. */
class Refused extends Error {
  readonly by: ProviderError;
  readonly paymentIntentId: string | undefined;

  constructor(by: ProviderError, paymentIntentId: string | undefined) {
    super(by.message);
    this.by = by;
    this.paymentIntentId = paymentIntentId;
  }
}

interface OpenCharge {
  id: string;
  status: DonationStatus;
  amount: Money;
  paymentMethod: string;
  paymentIntentId: string | undefined;
}

async function loadOpenCharge(db: Queryable, donationId: string): Promise<OpenCharge> {
  const { rows } = await db.query<{
    status: DonationStatus;
    minor: bigint;
    currency: string;
    paymentMethod: string;
    paymentIntentId: string | null;
  }>(
    `select d.status, d.amount_minor as minor, d.currency, c.payment_method as "paymentMethod",
       c.payment_intent_id as "paymentIntentId"
     from donations.donations d join donations.charges c on c.donation_id = d.id where d.id = $1`,
    [donationId],
  );
  const row = rows[0];
  if (!row) throw notFound(`no donation ${donationId} with a card to charge`);
  const { minor, currency, paymentIntentId, ...rest } = row;
  return {
    id: donationId,
    ...rest,
    amount: { minor, currency },
    paymentIntentId: paymentIntentId ?? undefined,
  };
}

/** @returns undefined when another process has settled the donation meanwhile. */
async function beginPayment(
  deps: ChargeDeps,
  { id, amount, paymentMethod }: OpenCharge,
): Promise<PaymentState | undefined> {
  const created = await refusedForGood(undefined, () =>
    deps.payments.createPayment({
      donationId: id,
      amount,
      paymentMethod,
      description: `Donation ${id}`,
    }),
  );
  const stored = await storePayment(deps.db, id, created.paymentIntentId);
  return stored === undefined ? undefined : confirm(deps, stored);
}

/** Stores the id of the payment to confirm. @returns the id that was stored first. */
async function storePayment(
  db: Queryable,
  donationId: string,
  paymentIntentId: string,
): Promise<string | undefined> {
  const { rows } = await db.query<{ id: string }>(
    // Locks the donation's row first, to wait for a settlement that is under way.
    `with open as (
       update donations.donations set status = 'processing'
       where id = $1 and settled_at is null returning id
     )
     update donations.charges c set payment_intent_id = coalesce(c.payment_intent_id, $2)
     from open where c.donation_id = open.id
     returning c.payment_intent_id as id`,
    [donationId, paymentIntentId],
  );
  return rows[0]?.id;
}

/** An earlier try has created a payment; its state decides what to do. */
async function continuePayment(deps: ChargeDeps, paymentIntentId: string): Promise<PaymentState> {
  const state = await deps.payments.retrievePayment(paymentIntentId);
  return state.status === 'unconfirmed' ? confirm(deps, paymentIntentId) : state;
}

/** Confirms the payment. Without a clear answer, retrieves its state. */
async function confirm({ payments }: ChargeDeps, paymentIntentId: string): Promise<PaymentState> {
  try {
    return await refusedForGood(paymentIntentId, () => payments.confirmPayment(paymentIntentId));
  } catch (error) {
    if (!(error instanceof ProviderError) || error.errorClass !== 'transient') throw error;
    // A confirmation without an answer may still take effect later, so nothing is settled yet.
    const state = await payments.retrievePayment(paymentIntentId).catch(() => undefined);
    if (!state || state.status === 'unconfirmed') throw error;
    return state;
  }
}

async function refusedForGood<T>(
  paymentIntentId: string | undefined,
  request: () => Promise<T>,
): Promise<T> {
  try {
    return await request();
  } catch (error) {
    if (error instanceof ProviderError && error.errorClass === 'permanent')
      throw new Refused(error, paymentIntentId);
    throw error;
  }
}
