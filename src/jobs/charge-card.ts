import { z } from 'zod';
import { type ChargeDeps, chargeDonation } from '../lib/donations/charge.ts';
import { endDonation } from '../lib/donations/save-card.ts';
import { ProviderError } from '../lib/providers/errors.ts';
import type { Task } from './task.ts';

const payload = z.object({ donation_id: z.string() });

/** Charges a donation, or finishes a charge whose process died: the same steps under the same key. */
export function chargeCard(deps: ChargeDeps): Task<'charge_card' | 'settle_donation'> {
  return {
    payload,
    async run({ donation_id }) {
      const { donation, requestId } = await chargeDonation(deps, donation_id);
      switch (donation.status) {
        case 'succeeded':
          return { outcome: 'succeeded', requestId };
        case 'failed':
          return { outcome: 'declined', requestId };
        default:
          throw new ProviderError({
            provider: 'stripe',
            errorClass: 'transient',
            code: donation.status,
            message: `Stripe has not decided yet: the payment is ${donation.status}`,
            requestId,
          });
      }
    },
    onFailure: ({ donation_id }, _attempt, { errorClass, code, message }) =>
      // Only a definite refusal ends the donation. Attempts used up prove nothing about the money.
      errorClass === 'permanent'
        ? [endDonation({ donation_id, code: code ?? 'refused', reason: message })]
        : [],
  };
}
