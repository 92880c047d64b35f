import type { Clock } from '../clock.ts';
import type { Queryable } from '../db/database.ts';
import { enqueue } from '../queue/enqueue.ts';
import { type DonationStatus, isSettled } from './donation.ts';

/** `settled`: there was nothing to do. `unknown`: no such donation. */
export type Nudged = 'enqueued' | 'settled' | 'unknown';

// The process that made the charge is most likely still there, and about to write it down itself.
const GRACE_MS = 2000;

/**
 * Has an unsettled donation looked at now rather than when its repair job is due: somebody has told
 * us that something happened to its payment. The job asks Stripe what; hearsay settles nothing.
 * In the caller's transaction.
 */
export async function nudgeSettlement(
  tx: Queryable,
  clock: Clock,
  donationId: string,
): Promise<Nudged> {
  const { rows } = await tx.query<{ status: DonationStatus; charge_last_at: Date | null }>(
    // Locked, so that a settlement that is just being written is seen, and its end of the job stays.
    'select status, charge_last_at from donations.donations where id = $1 for update',
    [donationId],
  );
  const donation = rows[0];
  if (!donation) return 'unknown';
  if (isSettled(donation.status)) return 'settled';
  const begun = donation.charge_last_at?.getTime() ?? 0;
  await enqueue(tx, [
    {
      task: 'settle_donation',
      payload: { donation_id: donationId },
      key: donationId,
      inMs: Math.max(0, begun + GRACE_MS - clock.now().getTime()),
    },
  ]);
  return 'enqueued';
}
