import { type ChargeDeps, chargeNow } from '../../src/lib/donations/charge.ts';
import { type Donation, loadDonation } from '../../src/lib/donations/donation.ts';
import type { Gift } from '../../src/lib/donations/input.ts';
import { recordCardGift } from '../../src/lib/donations/record.ts';

/** Records a gift and charges it, as `donations donate` does. */
export async function donateNow(
  deps: ChargeDeps,
  gift: Gift,
  onRecorded: (id: string) => void = () => {},
): Promise<Donation> {
  const { id } = await recordCardGift(deps.db, gift, 'caller');
  onRecorded(id);
  await chargeNow(deps, id);
  return loadDonation(deps.db, id);
}

/** Records a gift that a job will charge. */
export const donateInBackground = async ({ db }: Pick<ChargeDeps, 'db'>, gift: Gift) =>
  (await recordCardGift(db, gift, 'job')).id;
