import type { Queryable } from '../../src/lib/db/database.ts';
import { newId } from '../../src/lib/ids.ts';

/** Adds a donor as a donation would. */
export async function addDonor(db: Queryable, name = 'Ada Lovelace'): Promise<string> {
  const id = newId('donor');
  await db.query(
    `with donor as (insert into donations.donors (id, name) values ($1, $2) returning id)
     insert into donations.donor_emails (donor_id, email, is_primary) select id, $3, true from donor`,
    [id, name, `${id}@example.org`],
  );
  return id;
}

/** Adds a card donation in any consistent state. */
export async function addDonation(
  db: Queryable,
  {
    status = 'succeeded',
    amount = '5000',
    currency = 'usd',
    donor,
    fund = 'Clean Water',
    campaign,
  }: {
    status?: string;
    amount?: string;
    currency?: string;
    donor?: string;
    fund?: string;
    campaign?: string;
  } = {},
): Promise<string> {
  const id = newId('donation');
  const isOpen = ['pending', 'processing', 'requires_action'].includes(status);
  const declined = status === 'failed' ? 'card_declined' : null;
  await db.query(
    `with donation as (
       insert into donations.donations
         (id, donor_id, amount_minor, currency, method, status, gift_on, received_on, settled_at, campaign)
       values ($1, $2, $3, $4, 'card', $5, '2026-11-23', '2026-11-23', $6, $10) returning id
     ), charge as (
       insert into donations.charges (donation_id, payment_method, payment_intent_id, failure_code,
         failure_reason, card_brand, card_last4)
       select id, 'pm_card_visa', $7, $8, $8, 'visa', '4242' from donation
     )
     insert into donations.allocations (donation_id, fund, amount_minor) select id, $9, $3 from donation`,
    [
      id,
      donor ?? (await addDonor(db)),
      amount,
      currency,
      status,
      isOpen ? null : new Date(),
      `pi_${id}`,
      declined,
      fund,
      campaign ?? null,
    ],
  );
  return id;
}
