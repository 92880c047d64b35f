import { z } from 'zod';
import type { Db } from '../lib/db/database.ts';
import { markCardSaved, saveCard } from '../lib/donations/save-card.ts';
import type { PaymentGateway } from '../lib/providers/payments.ts';
import type { Task } from './task.ts';

/** Saves the charged card on the donor's Stripe Customer. */
export function tokenizeCard(deps: { db: Db; payments: PaymentGateway }): Task<'tokenize_card'> {
  return {
    payload: z.object({ donation_id: z.string() }),
    async run({ donation_id }) {
      const saved = await saveCard(deps, donation_id);
      if (!saved) return { outcome: 'succeeded' };
      return {
        outcome: 'succeeded',
        requestId: saved.requestId,
        changes: [
          markCardSaved({
            donation_id,
            brand: saved.card?.brand ?? null,
            last4: saved.card?.last4 ?? null,
            exp_month: saved.card?.expMonth ?? null,
            exp_year: saved.card?.expYear ?? null,
          }),
        ],
      };
    },
  };
}
