import type { Logger } from 'pino';
import { z } from 'zod';
import type { Db, Queryable } from '../db/database.ts';
import { type Nudged, nudgeSettlement } from '../donations/nudge.ts';
import { recordDispute, recordRefund } from '../donations/refund.ts';
import { verifyStripeEvent } from '../providers/stripe.ts';
import { done, unreadable, unsigned, type WebhookHandler } from './handler.ts';
import { markSeen } from './seen.ts';

export interface StripeWebhookDeps {
  db: Db;
  log: Logger;
  /** The `whsec_…` of this endpoint. */
  secret: string;
}

// https://docs.stripe.com/api/events/types
const TELLS_OF_PAYMENTS = new Set([
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

// The account may also receive payments without a donation; their metadata has no donation id.
const ofDonation = { metadata: z.object({ donation_id: z.string().regex(/^don_[0-9a-z]{26}$/) }) };
const stripeId = z.string().regex(/^\w{1,255}$/);
const paymentSchema = z.object(ofDonation);
/** https://docs.stripe.com/api/charges/object: a charge has a copy of the payment's metadata. */
const chargeSchema = z.object({
  ...ofDonation,
  id: stripeId,
  amount_refunded: z.number().int().nonnegative(),
});
/** https://docs.stripe.com/api/disputes/object */
const disputeSchema = z.object({
  id: stripeId,
  payment_intent: stripeId,
  amount: z.number().int().positive(),
  status: z.string().regex(/^\w{1,100}$/),
});

/**
 * Processes Stripe's events. They arrive in any order and more than once. An event about a payment
 * only moves the repair job forward, which then asks Stripe for the result. An event about refunds
 * contains their sum, so it can be recorded in any order.
 */
export function stripeWebhook({ db, log, secret }: StripeWebhookDeps): WebhookHandler {
  return async ({ headers, body }) => {
    const verified = verifyStripeEvent(secret, body, headers['stripe-signature']);
    if (!verified) {
      log.warn({ provider: 'stripe' }, 'webhook refused: the signature is invalid or too old');
      return unsigned;
    }
    const event = eventSchema.safeParse(verified.event).data;
    if (!event) return unreadable;
    const about = { provider: 'stripe', event: event.id, type: event.type };
    const apply = changeOf(event);
    if (!apply) {
      log.debug(about, 'webhook processed: not about a donation');
      return done;
    }
    const { result, donation } = await db.transaction(async (tx): Promise<Applied> => {
      const seen = [{ key: event.id, type: event.type, subject: apply.donation }];
      const fresh = await markSeen(tx, 'stripe', seen);
      return fresh.size === 0 ? { result: 'seen', donation: apply.donation } : apply.change(tx);
    });
    // A payment for a donation that failed here needs a person.
    const level = result === 'failed' ? 'error' : result === 'unknown' ? 'warn' : 'info';
    log[level]({ ...about, donation }, `webhook processed: ${IN_WORDS[result]}`);
    return done;
  };
}

type Result = Nudged | 'seen' | 'recorded' | 'nothing_new';
interface Applied {
  result: Result;
  donation: string | undefined;
}

/** Finds the change that an event requires; undefined when it is not about one of our donations. */
function changeOf({
  id,
  type,
  data: { object },
}: z.output<typeof eventSchema>):
  | { donation: string | undefined; change: (tx: Queryable) => Promise<Applied> }
  | undefined {
  if (TELLS_OF_PAYMENTS.has(type)) {
    const donation = paymentSchema.safeParse(object).data?.metadata.donation_id;
    if (donation === undefined) return undefined;
    return {
      donation,
      async change(tx) {
        const result = await nudgeSettlement(tx, donation);
        // Only a successful payment contradicts the failed donation.
        const isAlarm = result !== 'failed' || type === 'payment_intent.succeeded';
        return { result: isAlarm ? result : 'settled', donation };
      },
    };
  }
  if (type === 'charge.refunded') {
    const charge = chargeSchema.safeParse(object).data;
    if (!charge) return undefined;
    const donation = charge.metadata.donation_id;
    return {
      donation,
      async change(tx) {
        const total = BigInt(charge.amount_refunded);
        const status = await recordRefund(tx, donation, total, `Stripe event ${id}`);
        return { result: status ? 'recorded' : 'nothing_new', donation };
      },
    };
  }
  const dispute = type.startsWith('charge.dispute.')
    ? disputeSchema.safeParse(object).data
    : undefined;
  const status = dispute && disputeStatus(type, dispute.status);
  if (!dispute || !status) return undefined;
  return {
    donation: undefined,
    async change(tx) {
      const donation = await recordDispute(tx, {
        id: dispute.id,
        paymentIntentId: dispute.payment_intent,
        status,
        amountMinor: BigInt(dispute.amount),
      });
      return { result: donation ? 'recorded' : 'nothing_new', donation };
    },
  };
}

/** https://docs.stripe.com/api/disputes/object#dispute_object-status */
function disputeStatus(type: string, status: string): 'open' | 'won' | 'lost' | undefined {
  if (type === 'charge.dispute.created') return 'open';
  if (type !== 'charge.dispute.closed') return undefined;
  if (status === 'lost') return 'lost';
  // `warning_closed`: an inquiry that did not become a dispute.
  return status === 'won' || status === 'warning_closed' ? 'won' : undefined;
}

const IN_WORDS: Record<Result, string> = {
  enqueued: 'the donation is not settled; its repair job runs now',
  settled: 'the donation is settled already',
  failed:
    'ALARM: Stripe reports a payment for a donation that has failed here; run donations doctor for what to do',
  unknown: 'there is no such donation',
  seen: 'processed before',
  recorded: 'recorded',
  nothing_new: 'nothing new',
};
