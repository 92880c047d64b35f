import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/database.ts';
import { sendgridSignatures } from '../providers/sendgrid-events.ts';
import { type AddressNews, type Problem, recordAddressNews } from '../receipts/addresses.ts';
import { applyEvidence, type Bounce, type Proof, recordBounces } from '../receipts/evidence.ts';
import { storableText } from '../text.ts';
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
  // One text that cannot be stored must not cost the evidence of the whole batch.
  email: z.string().max(320).transform(storableText).catch(''),
  /** The type of a bounce; `blocked` is temporary. */
  type: z.string().max(40).optional().catch(undefined),
  reason: z.string().max(2000).transform(storableText).optional().catch(undefined),
  delivery_id: ourId('dlv'),
  receipt_id: ourId('rcp'),
  donation_id: ourId('don'),
});
export type MailEvent = z.output<typeof eventSchema>;

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
    const { ours, fresh, settled, unknown } = await takeMailEvents(db, events);
    for (const delivery of settled) {
      log.info({ provider: 'sendgrid', delivery }, 'held delivery resolved by evidence: accepted');
    }
    log.info(
      { provider: 'sendgrid', events: events.length, ours, fresh, unknown },
      `webhook processed: ${fresh} new events`,
    );
    return done;
  };
}

/** The result of a batch of events. */
export interface Taken {
  /** The number of events about our mails, and how many of them are new. */
  ours: number;
  fresh: number;
  /** Deliveries that became accepted. */
  settled: string[];
  /** Events that name none of our deliveries, or more than one. */
  unknown: number;
}

/** Processes a batch of events in one transaction. Known events have no effect. */
export async function takeMailEvents(db: Db, events: MailEvent[]): Promise<Taken> {
  const ours = events.filter(
    (event) =>
      PROVES_ACCEPTANCE.has(event.event) &&
      (event.delivery_id ?? event.receipt_id ?? event.donation_id) !== undefined,
  );
  if (ours.length === 0) return { ours: 0, fresh: 0, settled: [], unknown: 0 };
  // The same event can occur twice in a batch.
  const byKey = new Map(ours.map((event) => [keyOf(event), event]));
  return db.transaction(async (tx) => {
    const seen = [...byKey].map(([key, event]) => ({
      key,
      type: event.event,
      subject: event.delivery_id ?? event.receipt_id ?? event.donation_id,
    }));
    const fresh = await markSeen(tx, 'sendgrid', seen);
    const news = [...byKey].flatMap(([key, event]) => (fresh.has(key) ? [event] : []));
    const { settled, unknown } = await applyEvidence(tx, news.map(toProof));
    await recordBounces(tx, news.flatMap(toBounce));
    await recordAddressNews(tx, news.flatMap(toAddressNews));
    return { ours: ours.length, fresh: fresh.size, settled, unknown };
  });
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
  return parsed.flatMap((each) => readMailEvent(each) ?? []);
}

/** One event in SendGrid's format; undefined when it is invalid. */
export const readMailEvent = (json: unknown): MailEvent | undefined =>
  eventSchema.safeParse(json).data;

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

const PROBLEMS: Record<string, Problem> = {
  bounce: 'bounced',
  dropped: 'dropped',
  spamreport: 'spam_report',
  unsubscribe: 'unsubscribed',
  group_unsubscribe: 'unsubscribed',
};

/** The change of a delivery that did not arrive. */
const toBounce = ({ event, delivery_id, reason, timestamp }: MailEvent): Bounce[] =>
  delivery_id !== undefined && (event === 'bounce' || event === 'dropped')
    ? [{ deliveryId: delivery_id, reason: reason || event, at: new Date(timestamp * 1000) }]
    : [];

/** What an event says about the recipient's address. */
function toAddressNews({ event, email, type, reason, timestamp }: MailEvent): AddressNews[] {
  if (email === '') return [];
  const at = new Date(timestamp * 1000);
  if (event === 'delivered') return [{ email, problem: null, detail: null, at }];
  // A block is a temporary refusal by the receiving server, not a problem of the address.
  const problem = event === 'bounce' && type === 'blocked' ? undefined : PROBLEMS[event];
  return problem ? [{ email, problem, detail: reason ?? null, at }] : [];
}
