import type { Queryable } from '../db/database.ts';
import { enqueue } from '../queue/enqueue.ts';
import { settleKey } from '../queue/keys.ts';
import { type DonationStatus, isSettled } from './donation.ts';

/**
 * The result. `settled`: nothing to do. `failed`: the donation has failed here. `unknown`: no such
 * donation.
 */
export type Nudged = 'enqueued' | 'settled' | 'failed' | 'unknown';

// The process that made the charge is probably still running and about to record the result itself.
const GRACE_MS = 2000;

/**
 * Moves the repair job of an unsettled donation forward, because its payment has changed. The job
 * asks Stripe for the result. Runs in the caller's transaction.
 */
export async function nudgeSettlement(tx: Queryable, donationId: string): Promise<Nudged> {
  const { rows } = await tx.query<{ status: DonationStatus }>(
    // Locked, to wait for a settlement that is being written and has removed the job.
    'select status from donations.donations where id = $1 for update',
    [donationId],
  );
  const donation = rows[0];
  if (!donation) return 'unknown';
  if (donation.status === 'failed') return 'failed';
  if (isSettled(donation.status)) return 'settled';
  await enqueue(tx, [
    {
      task: 'settle_donation',
      payload: { donation_id: donationId },
      key: settleKey(donationId),
      // A donation whose charge has not started need not wait.
      inMs: donation.status === 'pending' ? 0 : GRACE_MS,
    },
  ]);
  return 'enqueued';
}
