import type { Queryable } from '../db/database.ts';
import { enqueue } from '../queue/enqueue.ts';
import { settleKey } from '../queue/keys.ts';
import { type DonationStatus, isSettled } from './donation.ts';

/** `settled`: there was nothing to do. `failed`: it was given up here. `unknown`: no such donation. */
export type Nudged = 'enqueued' | 'settled' | 'failed' | 'unknown';

// The process that made the charge is most likely still there, and about to write it down itself.
const GRACE_MS = 2000;

/**
 * Has an unsettled donation looked at now rather than when its repair job is due: somebody has told
 * us that something happened to its payment. The job asks Stripe what became of it. In the caller's
 * transaction.
 */
export async function nudgeSettlement(tx: Queryable, donationId: string): Promise<Nudged> {
  const { rows } = await tx.query<{ status: DonationStatus }>(
    // Locked, so that a settlement that is just being written is seen, and its end of the job stays.
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
      // One that nobody has begun to charge need not wait.
      inMs: donation.status === 'pending' ? 0 : GRACE_MS,
    },
  ]);
  return 'enqueued';
}
