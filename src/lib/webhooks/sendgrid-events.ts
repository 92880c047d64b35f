import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/database.ts';
import { sendgridSignatures } from '../providers/sendgrid-events.ts';
import { applyEvidence, type Proof } from '../receipts/evidence.ts';
import { done, unreadable, unsigned, type WebhookHandler } from './handler.ts';
import { markSeen } from './seen.ts';

export interface SendgridWebhookDeps {
  db: Db;
  log: Logger;
  clock: Clock;
  /** As SendGrid shows it: the DER in base64. */
  publicKey: string;
}

// Each of these is about a mail that SendGrid accepted, whatever happened to it later; a dropped
// mail was accepted too. https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
const PROVES_ACCEPTANCE = new Set([
  'processed',
  'delivered',
  'deferred',
  'bounce',
  'dropped',
  'open',
  'click',
  'spamreport',
  'unsubscribe',
  'group_unsubscribe',
  'group_resubscribe',
]);

const ourId = (prefix: string) =>
  z
    .string()
    .regex(new RegExp(`^${prefix}_[0-9a-z]{26}$`))
    .optional()
    .catch(undefined);

// The fields that we use; SendGrid may add fields and kinds of events.
const eventSchema = z.object({
  event: z.string().regex(/^\w{1,40}$/),
  /** Seconds since 1970. */
  timestamp: z.number().int().positive().max(99_999_999_999),
  sg_message_id: z.string().regex(/^[\x21-\x7e]{1,300}$/),
  email: z.string().catch(''),
  delivery_id: ourId('dlv'),
  receipt_id: ourId('rcp'),
  donation_id: ourId('don'),
});
type MailEvent = z.output<typeof eventSchema>;

/**
 * Processes SendGrid's events. Each event proves that its mail was accepted, which resolves
 * deliveries of unknown outcome. Events of other mails are ignored.
 */
export function sendgridWebhook({
  db,
  log,
  clock,
  publicKey,
}: SendgridWebhookDeps): WebhookHandler {
  const check = sendgridSignatures(publicKey);
  return async ({ headers, body }) => {
    const signature = check(headers, body, clock.now());
    if (signature !== 'valid') {
      log.warn(
        { provider: 'sendgrid', signature },
        `webhook refused: the signature is ${signature}`,
      );
      return unsigned;
    }
    const events = readEvents(body);
    if (!events) return unreadable;
    const ours = events.filter(
      (event) =>
        PROVES_ACCEPTANCE.has(event.event) &&
        (event.delivery_id ?? event.receipt_id ?? event.donation_id) !== undefined,
    );
    if (ours.length === 0) return done;
    // The same event can occur twice in a batch.
    const byKey = new Map(ours.map((event) => [keyOf(event), event]));
    const result = await db.transaction(async (tx) => {
      const seen = [...byKey].map(([key, event]) => ({
        key,
        type: event.event,
        subject: event.delivery_id ?? event.receipt_id ?? event.donation_id,
      }));
      const fresh = await markSeen(tx, 'sendgrid', seen);
      const proofs = [...byKey].flatMap(([key, event]) => (fresh.has(key) ? [toProof(event)] : []));
      const { settled, unknown } = await applyEvidence(tx, proofs);
      return { fresh: fresh.size, settled, unknown };
    });
    for (const delivery of result.settled) {
      log.info({ provider: 'sendgrid', delivery }, 'held delivery resolved by evidence: accepted');
    }
    const { fresh, unknown } = result;
    log.info(
      { provider: 'sendgrid', events: events.length, ours: ours.length, fresh, unknown },
      `webhook processed: ${fresh} new events`,
    );
    return done;
  };
}

/** The valid events of the body; undefined when it is not a list. */
function readEvents(body: Buffer): MailEvent[] | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
  if (!Array.isArray(parsed)) return undefined;
  return parsed.flatMap((each) => eventSchema.safeParse(each).data ?? []);
}

/**
 * `sg_event_id` may change when an event is sent again; these four fields do not. The address is
 * hashed, so that the table of seen events contains no personal data.
 */
function keyOf({ sg_message_id, event, timestamp, email }: MailEvent): string {
  const who = createHash('sha256').update(email.toLowerCase()).digest('base64url').slice(0, 22);
  return `sendgrid ${sg_message_id} ${event} ${timestamp} ${who}`;
}

const toProof = (event: MailEvent): Proof => ({
  event: event.event,
  at: new Date(event.timestamp * 1000),
  // SendGrid appends names of its servers to the X-Message-Id of its answer.
  messageId: event.sg_message_id.split('.', 1)[0] as string,
  deliveryId: event.delivery_id,
  receiptId: event.receipt_id,
  donationId: event.donation_id,
});
