import type { Db } from '../db/database.ts';
import type { Card, PaymentGateway } from '../providers/payments.ts';
import type { RowChange } from '../queue/run/recorder.ts';
import { loadDonation } from './donation.ts';

/**
 * Turns the charged card into a token on the donor's Customer, for gifts to come. The Customer's id
 * is stored before anything is attached to it, so that a try days later makes no second one.
 *
 * @returns undefined when the card was saved before.
 * @throws ProviderError
 */
export async function saveCard(
  { db, payments }: { db: Db; payments: PaymentGateway },
  donationId: string,
): Promise<{ card: Card | undefined; requestId: string | undefined } | undefined> {
  const { donor, paymentMethodId, cardSavedAt } = await loadDonation(db, donationId);
  if (cardSavedAt || !paymentMethodId) return undefined;
  const customerId = donor.stripeCustomerId ?? (await makeCustomer(db, payments, donor));
  return payments.attachCard({ donationId, paymentMethodId, customerId });
}

async function makeCustomer(
  db: Db,
  payments: PaymentGateway,
  donor: { id: string; name: string; email: string },
): Promise<string> {
  const { customerId } = await payments.createCustomer(donor);
  const { rows } = await db.query<{ stripe_customer_id: string }>(
    `update donations.donors set stripe_customer_id = coalesce(stripe_customer_id, $2)
     where id = $1 returning stripe_customer_id`,
    [donor.id, customerId],
  );
  return rows[0]?.stripe_customer_id ?? customerId;
}

/** The card was saved; what is not known of it stays as it is. */
export const markCardSaved = (row: {
  donation_id: string;
  brand: string | null;
  last4: string | null;
  exp_month: number | null;
  exp_year: number | null;
}): RowChange => ({ sql: MARK_SAVED, row });

/** The charge was refused for good: that ends the donation. */
export const endDonation = (row: {
  donation_id: string;
  code: string;
  reason: string;
}): RowChange => ({ sql: END, row });

const MARK_SAVED = `
  update donations.donations d set
    card_saved_at = coalesce(d.card_saved_at, now()),
    card_brand = coalesce(s.brand, d.card_brand), card_last4 = coalesce(s.last4, d.card_last4),
    card_exp_month = coalesce(s.exp_month, d.card_exp_month), card_exp_year = coalesce(s.exp_year, d.card_exp_year)
  from json_to_recordset($1::json) as
    s(donation_id text, brand text, last4 text, exp_month smallint, exp_year smallint)
  where d.id = s.donation_id`;

const END = `
  update donations.donations d set status = 'failed', settled_at = now(),
    failure_code = f.code, failure_reason = f.reason
  from json_to_recordset($1::json) as f(donation_id text, code text, reason text)
  where d.id = f.donation_id and d.settled_at is null
  returning pg_notify('donations_settled', json_build_object('id', d.id, 'status', 'failed')::text)`;
