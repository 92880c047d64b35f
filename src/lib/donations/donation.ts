import type { Queryable } from '../db/database.ts';
import { notFound } from '../errors.ts';
import type { Money } from '../money.ts';

export const DONATION_STATUSES = [
  'pending',
  'processing',
  'requires_action',
  'failed',
  'succeeded',
  'partly_refunded',
  'refunded',
  'disputed',
  'void',
] as const;
export type DonationStatus = (typeof DONATION_STATUSES)[number];

/** The methods of giving. */
export const METHODS = [
  'card',
  'check',
  'cash',
  'wire',
  'ach',
  'daf',
  'in_kind',
  'stock',
  'money_order',
  'card_offline',
  'matching',
  'crypto',
  'other',
] as const;
export type Method = (typeof METHODS)[number];

/** The card payment of a donation. */
export interface Charge {
  /** The payment method that the donation page passed in: `pm_…` or `tok_…`. */
  paymentMethod: string;
  /** The only payment that is ever confirmed. */
  paymentIntentId: string | undefined;
  /** Stripe's id of the charged card. */
  paymentMethodId: string | undefined;
  failure: { code: string; reason: string } | undefined;
  card: { brand: string; last4: string } | undefined;
  cardSavedAt: Date | undefined;
}

/** A donation with its donor and its charge. */
export interface Donation {
  id: string;
  status: DonationStatus;
  method: Method;
  amount: Money;
  /** The refunded amount in minor units. */
  refundedMinor: bigint;
  donor: {
    id: string;
    name: string;
    email: string | undefined;
    stripeCustomerId: string | undefined;
  };
  /** The funds of the gift, separated by commas; undefined when it is unrestricted. */
  fund: string | undefined;
  campaign: string | undefined;
  charge: Charge | undefined;
  createdAt: Date;
  settledAt: Date | undefined;
}

interface Row {
  id: string;
  status: DonationStatus;
  method: Method;
  minor: bigint;
  currency: string;
  refundedMinor: bigint;
  donorId: string;
  name: string;
  email: string | null;
  stripeCustomerId: string | null;
  fund: string | null;
  campaign: string | null;
  paymentMethod: string | null;
  paymentIntentId: string | null;
  paymentMethodId: string | null;
  failureCode: string | null;
  failureReason: string | null;
  cardBrand: string | null;
  cardLast4: string | null;
  cardSavedAt: Date | null;
  createdAt: Date;
  settledAt: Date | null;
}

/** SQL: the funds of donation `d`, as one text. */
export const FUNDS = `(select string_agg(a.fund, ', ' order by a.amount_minor desc, a.fund)
  from donations.allocations a where a.donation_id = d.id)`;

/**
 * Loads a donation.
 * @throws UserError `not_found`.
 */
export async function loadDonation(db: Queryable, id: string): Promise<Donation> {
  const { rows } = await db.query<Row>(
    `select d.id, d.status, d.method, d.amount_minor as minor, d.currency,
       (select coalesce(sum(f.amount_minor), 0)::bigint from donations.refunds f where f.donation_id = d.id) as "refundedMinor",
       n.id as "donorId", n.name, e.email, n.stripe_customer_id as "stripeCustomerId", ${FUNDS} as fund, d.campaign,
       c.payment_method as "paymentMethod", c.payment_intent_id as "paymentIntentId",
       c.payment_method_id as "paymentMethodId", c.failure_code as "failureCode",
       c.failure_reason as "failureReason", c.card_brand as "cardBrand", c.card_last4 as "cardLast4",
       c.card_saved_at as "cardSavedAt", d.created_at as "createdAt", d.settled_at as "settledAt"
     from donations.donations d
     join donations.donors n on n.id = d.donor_id
     left join donations.donor_emails e on e.donor_id = n.id and e.is_primary
     left join donations.charges c on c.donation_id = d.id
     where d.id = $1`,
    [id],
  );
  const row = rows[0];
  if (!row) throw notFound(`no donation ${id}`, 'Use its id, a receipt number or a pi_… id.');
  return {
    id: row.id,
    status: row.status,
    method: row.method,
    amount: { minor: row.minor, currency: row.currency },
    refundedMinor: row.refundedMinor,
    donor: {
      id: row.donorId,
      name: row.name,
      email: row.email ?? undefined,
      stripeCustomerId: row.stripeCustomerId ?? undefined,
    },
    fund: row.fund ?? undefined,
    campaign: row.campaign ?? undefined,
    charge: row.paymentMethod === null ? undefined : toCharge(row, row.paymentMethod),
    createdAt: row.createdAt,
    settledAt: row.settledAt ?? undefined,
  };
}

const toCharge = (row: Row, paymentMethod: string): Charge => ({
  paymentMethod,
  paymentIntentId: row.paymentIntentId ?? undefined,
  paymentMethodId: row.paymentMethodId ?? undefined,
  failure:
    row.failureCode !== null && row.failureReason !== null
      ? { code: row.failureCode, reason: row.failureReason }
      : undefined,
  card:
    row.cardBrand !== null && row.cardLast4 !== null
      ? { brand: row.cardBrand, last4: row.cardLast4 }
      : undefined,
  cardSavedAt: row.cardSavedAt ?? undefined,
});

/** True when no further charge is possible. */
export const isSettled = (status: DonationStatus) =>
  status !== 'pending' && status !== 'processing' && status !== 'requires_action';
