import type { Queryable } from '../db/database.ts';
import { stopUnsentReceipts } from '../receipts/settle.ts';
import type { DonationStatus } from './donation.ts';

/**
 * Records a refund. The provider reports the sum of all refunds, so repeated or late reports change
 * nothing. Runs in the caller's transaction.
 *
 * @param totalMinor the sum of all refunds in minor units.
 * @param evidence where the information came from, for people.
 * @returns the new status of the donation; undefined when the report is not new, or the donation is
 *   not paid.
 */
export async function recordRefund(
  tx: Queryable,
  donationId: string,
  totalMinor: bigint,
  evidence: string,
): Promise<DonationStatus | undefined> {
  const { rows } = await tx.query<{ status: DonationStatus; amount: bigint; refunded: bigint }>(
    `select status, amount_minor as amount,
       (select coalesce(max(total_minor), 0)::bigint from donations.refunds where donation_id = $1) as refunded
     from donations.donations where id = $1 for update`,
    [donationId],
  );
  const found = rows[0];
  if (!found || !PAID.includes(found.status) || totalMinor <= found.refunded) return undefined;
  await tx.query(
    `insert into donations.refunds (donation_id, total_minor, amount_minor, evidence) values ($1, $2, $3, $4)`,
    [donationId, totalMinor, totalMinor - found.refunded, evidence],
  );
  const status = totalMinor >= found.amount ? 'refunded' : 'partly_refunded';
  await stopUnsentReceipts(tx, donationId, 'was returned');
  if (found.status === 'refunded') return found.status;
  await tx.query('update donations.donations set status = $2 where id = $1', [donationId, status]);
  return status;
}

const PAID: DonationStatus[] = ['succeeded', 'partly_refunded', 'refunded', 'disputed'];

export interface DisputeNews {
  /** Stripe's id of the dispute. */
  id: string;
  paymentIntentId: string;
  status: 'open' | 'won' | 'lost';
  amountMinor: bigint;
}

/**
 * Records the state of a dispute. A won dispute restores the donation's former status; after a lost
 * one the money is gone. Runs in the caller's transaction.
 *
 * @returns the donation; undefined when the payment is unknown here, or the report is not new.
 */
export async function recordDispute(
  tx: Queryable,
  { id, paymentIntentId, status, amountMinor }: DisputeNews,
): Promise<string | undefined> {
  const { rows } = await tx.query<{ id: string; status: DonationStatus; partly: boolean }>(
    `select d.id, d.status, exists (select 1 from donations.refunds f where f.donation_id = d.id) as partly
     from donations.charges c join donations.donations d on d.id = c.donation_id
     where c.payment_intent_id = $1 for update of d`,
    [paymentIntentId],
  );
  const donation = rows[0];
  if (!donation || !PAID.includes(donation.status)) return undefined;
  const { rowCount } = await tx.query(
    `insert into donations.disputes (id, status, donation_id, amount_minor)
     select $1, $2, $3, $4
     -- The report of the beginning may arrive after the report of the end.
     where $2 <> 'open' or not exists (select 1 from donations.disputes where id = $1)
     on conflict do nothing`,
    [id, status, donation.id, amountMinor],
  );
  if (!rowCount) return undefined;
  const now: DonationStatus =
    status === 'open'
      ? 'disputed'
      : status === 'lost'
        ? 'refunded'
        : donation.partly
          ? 'partly_refunded'
          : 'succeeded';
  if (donation.status !== 'refunded' && donation.status !== now) {
    // The end may be reported without the beginning.
    await tx.query(
      `update donations.donations set status = 'disputed' where id = $1 and status <> 'disputed'`,
      [donation.id],
    );
    if (now !== 'disputed')
      await tx.query('update donations.donations set status = $2 where id = $1', [
        donation.id,
        now,
      ]);
  }
  if (status === 'lost') await stopUnsentReceipts(tx, donation.id, 'was lost in a dispute');
  return donation.id;
}
