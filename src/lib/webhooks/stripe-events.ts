import type { Logger } from 'pino';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/database.ts';
import { type Nudged, nudgeSettlement } from '../donations/nudge.ts';
import { verifyStripeEvent } from '../providers/stripe.ts';
import { done, unreadable, unsigned, type WebhookHandler } from './handler.ts';
import { markSeen } from './seen.ts';

export interface StripeWebhookDeps {
  db: Db;
  log: Logger;
  clock: Clock;
  /** `whsec_…`, of this endpoint. */
  secret: string;
}

// https://docs.stripe.com/api/events/types
const TELLS_OF_CHARGES = new Set([
  'payment_intent.succeeded',
  'payment_intent.payment_failed',
  'payment_intent.processing',
  'payment_intent.canceled',
]);

const eventSchema = z.object({
  id: z.string().regex(/^evt_\w{1,250}$/),
  type: z.string(),
  data: z.object({ object: z.unknown() }),
});

// The account may take other payments too, whose metadata is none of our business.
const paymentSchema = z.object({
  metadata: z.object({ donation_id: z.string().regex(/^don_[0-9a-z]{26}$/) }),
});

/**
 * Takes Stripe's events. They come unordered and more than once, so they say only that it is time
 * to ask Stripe: the repair job of an unsettled donation runs now.
 */
export function stripeWebhook({ db, log, clock, secret }: StripeWebhookDeps): WebhookHandler {
  return async ({ headers, body }) => {
    const verified = verifyStripeEvent(secret, body, headers['stripe-signature']);
    if (!verified) {
      log.warn({ provider: 'stripe' }, 'webhook refused: the signature is invalid or too old');
      return unsigned;
    }
    const event = eventSchema.safeParse(verified.event).data;
    if (!event) return unreadable;
    const donation = paymentSchema.safeParse(event.data.object).data?.metadata.donation_id;
    const about = { provider: 'stripe', event: event.id, type: event.type, donation };
    if (!TELLS_OF_CHARGES.has(event.type) || !donation) {
      log.debug(about, 'webhook taken: not about a donation');
      return done;
    }
    const outcome = await db.transaction(async (tx): Promise<Nudged | 'seen'> => {
      const seen = [{ key: event.id, type: event.type, subject: donation }];
      const fresh = await markSeen(tx, 'stripe', seen);
      return fresh.size === 0 ? 'seen' : nudgeSettlement(tx, clock, donation);
    });
    log[outcome === 'unknown' ? 'warn' : 'info'](about, `webhook taken: ${IN_WORDS[outcome]}`);
    return done;
  };
}

const IN_WORDS: Record<Nudged | 'seen', string> = {
  enqueued: 'the donation is not settled, and is being looked at',
  settled: 'the donation is settled already',
  unknown: 'there is no such donation',
  seen: 'seen before',
};
