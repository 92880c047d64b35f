import type { Queryable } from '../../src/lib/db/database.ts';
import { newId } from '../../src/lib/ids.ts';

/** A donor, as donating makes one. */
export async function addDonor(db: Queryable, name = 'Ada Lovelace'): Promise<string> {
  const id = newId('donor');
  await db.query('insert into donations.donors (id, name, email) values ($1, $2, $3)', [
    id,
    name,
    `${id}@example.org`,
  ]);
  return id;
}

/** A donation in any state, consistent with itself. */
export async function addDonation(
  db: Queryable,
  {
    status = 'succeeded',
    amount = '5000',
    currency = 'usd',
    donor,
  }: { status?: string; amount?: string; currency?: string; donor?: string } = {},
): Promise<string> {
  const id = newId('donation');
  const settled = status === 'succeeded' || status === 'failed';
  await db.query(
    `insert into donations.donations
       (id, donor_id, amount_minor, currency, status, payment_method, received_on, settled_at,
        payment_intent_id, failure_code, fund, card_brand, card_last4)
     values ($1, $2, $3, $4, $5, 'pm_card_visa', '2026-11-23', $6, $7, 'card_declined',
        'Clean Water', 'visa', '4242')`,
    [
      id,
      donor ?? (await addDonor(db)),
      amount,
      currency,
      status,
      settled ? new Date() : null,
      `pi_${id}`,
    ],
  );
  return id;
}
