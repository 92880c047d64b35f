import type { Queryable } from '../db/database.ts';
import { notFound } from '../errors.ts';
import type { Money } from '../money.ts';

export type DonationStatus = 'pending' | 'processing' | 'requires_action' | 'succeeded' | 'failed';

/** A donation with its donor, as operations need it. */
export interface Donation {
  id: string;
  status: DonationStatus;
  amount: Money;
  donor: { id: string; name: string; email: string; stripeCustomerId: string | undefined };
  fund: string | undefined;
  campaign: string | undefined;
  /** What the donor's page passed in: `pm_…` or `tok_…`. */
  paymentMethod: string;
  /** The card that was charged, by Stripe's id. */
  paymentMethodId: string | undefined;
  paymentIntentId: string | undefined;
  chargeKey: string | undefined;
  chargeFirstAt: Date | undefined;
  chargeLastAt: Date | undefined;
  failureCode: string | undefined;
  failureReason: string | undefined;
  card: { brand: string; last4: string } | undefined;
  cardSavedAt: Date | undefined;
  createdAt: Date;
  settledAt: Date | undefined;
}

interface Row {
  id: string;
  status: DonationStatus;
  amount_minor: bigint;
  currency: string;
  donor_id: string;
  name: string;
  email: string;
  stripe_customer_id: string | null;
  fund: string | null;
  campaign: string | null;
  payment_method: string;
  payment_method_id: string | null;
  payment_intent_id: string | null;
  charge_key: string | null;
  charge_first_at: Date | null;
  charge_last_at: Date | null;
  failure_code: string | null;
  failure_reason: string | null;
  card_brand: string | null;
  card_last4: string | null;
  card_saved_at: Date | null;
  created_at: Date;
  settled_at: Date | null;
}

/**
 * Loads a donation.
 * @param lock keeps the row for this transaction, so that two settlements cannot cross.
 * @throws UserError `not_found`.
 */
export async function loadDonation(db: Queryable, id: string, lock = false): Promise<Donation> {
  const { rows } = await db.query<Row>(
    `select d.*, r.name, r.email, r.stripe_customer_id
     from donations.donations d join donations.donors r on r.id = d.donor_id
     where d.id = $1 ${lock ? 'for update of d' : ''}`,
    [id],
  );
  const row = rows[0];
  if (!row)
    throw notFound(`no donation ${id}`, 'Find it by its id, a receipt number or a pi_… id.');
  return {
    id: row.id,
    status: row.status,
    amount: { minor: row.amount_minor, currency: row.currency },
    donor: {
      id: row.donor_id,
      name: row.name,
      email: row.email,
      stripeCustomerId: row.stripe_customer_id ?? undefined,
    },
    fund: row.fund ?? undefined,
    campaign: row.campaign ?? undefined,
    paymentMethod: row.payment_method,
    paymentMethodId: row.payment_method_id ?? undefined,
    paymentIntentId: row.payment_intent_id ?? undefined,
    chargeKey: row.charge_key ?? undefined,
    chargeFirstAt: row.charge_first_at ?? undefined,
    chargeLastAt: row.charge_last_at ?? undefined,
    failureCode: row.failure_code ?? undefined,
    failureReason: row.failure_reason ?? undefined,
    card:
      row.card_brand && row.card_last4
        ? { brand: row.card_brand, last4: row.card_last4 }
        : undefined,
    cardSavedAt: row.card_saved_at ?? undefined,
    createdAt: row.created_at,
    settledAt: row.settled_at ?? undefined,
  };
}

/** True once no charge can follow any more. */
export const isSettled = (status: DonationStatus) => status === 'succeeded' || status === 'failed';
