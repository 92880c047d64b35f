import type { Db } from '../db/database.ts';
import { keepCustomer } from '../donors/customer.ts';
import type { Card, PaymentGateway } from '../providers/payments.ts';
import type { RowChange } from '../queue/run/recorder.ts';
import { loadDonation } from './donation.ts';

/**
 * Saves the charged card on the donor's Stripe Customer, for later gifts. The Customer's id is
 * stored before the card is attached, so that a retry days later creates no second Customer.
 *
 * @returns undefined when the card was saved before.
 * @throws ProviderError
 */
export async function saveCard(
  { db, payments }: { db: Db; payments: PaymentGateway },
  donationId: string,
): Promise<{ card: Card | undefined; requestId: string | undefined } | undefined> {
  const { donor, charge } = await loadDonation(db, donationId);
  if (charge?.paymentMethodId === undefined || charge.cardSavedAt) return undefined;
  const customerId =
    donor.stripeCustomerId ??
    (await keepCustomer(db, donor.id, (await payments.createCustomer(donor)).customerId));
  return payments.attachCard({
    donationId,
    paymentMethodId: charge.paymentMethodId,
    customerId,
  });
}

/** Records that the card is saved. Undefined fields stay as they are. */
export const markCardSaved = (row: {
  donation_id: string;
  brand: string | null;
  last4: string | null;
  exp_month: number | null;
  exp_year: number | null;
}): RowChange => ({ sql: MARK_SAVED, row });

const MARK_SAVED = `
  update donations.charges c set
    card_saved_at = coalesce(c.card_saved_at, now()),
    card_brand = coalesce(s.brand, c.card_brand), card_last4 = coalesce(s.last4, c.card_last4),
    card_exp_month = coalesce(s.exp_month, c.card_exp_month), card_exp_year = coalesce(s.exp_year, c.card_exp_year)
  from json_to_recordset($1::json) as
    s(donation_id text, brand text, last4 text, exp_month smallint, exp_year smallint)
  where c.donation_id = s.donation_id`;
