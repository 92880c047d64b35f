import { z } from 'zod';
import { type ChargeDeps, chargeDonation } from '../lib/donations/charge.ts';
import { isSettled } from '../lib/donations/donation.ts';
import { ProviderError } from '../lib/providers/errors.ts';
import type { Task } from './task.ts';

const payload = z.object({ donation_id: z.string() });

/**
 * Charges a donation, or finishes a charge whose process died. Both run the same steps, which
 * charge at most once.
 */
export function chargeCard(deps: ChargeDeps): Task<'charge_card' | 'settle_donation'> {
  return {
    payload,
    async run({ donation_id }) {
      const { status, requestId } = await chargeDonation(deps, donation_id);
      if (status === 'failed') return { outcome: 'declined', requestId };
      if (isSettled(status)) return { outcome: 'succeeded', requestId };
      throw new ProviderError({
        provider: 'stripe',
        errorClass: 'transient',
        code: status,
        message: `Stripe has not decided yet: the payment is ${status}`,
        requestId,
      });
    },
  };
}
