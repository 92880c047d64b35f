import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/database.ts';
import { sendgridSignatures } from '../providers/sendgrid-events.ts';
import { type AddressNews, type Problem, recordAddressNews } from '../receipts/addresses.ts';
import { applyEvidence, type Bounce, type Proof, recordBounces } from '../receipts/evidence.ts';
import { done, unreadable, unsigned, type WebhookHandler } from './handler.ts';
import { markSeen } from './seen.ts';

export interface SendgridWebhookDeps {
  db: Db;
  log: Logger;
  clock: Clock;
  /** As SendGrid shows it: the base 64 of the DER. */
  publicKey: string;
}

// Each is told of mails that SendGrid took, whatever became of them: a dropped mail was accepted too.
// https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
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

// Only what we use: SendGrid adds fields and kinds of events as it likes.
const eventSchema = z.object({
  event: z.string().regex(/^\w{1,40}$/),
  /** Seconds since 1970. */
  timestamp: z.number().int().positive().max(99_999_999_999),
  sg_message_id: z.string().regex(/^[\x21-\x7e]{1,300}$/),
  email: z.string().max(320).catch(''),
  /** Of a bounce: `blocked` is for a while only. */
  type: z.string().max(40).optional().catch(undefined),
  reason: z.string().max(2000).optional().catch(undefined),
  delivery_id: ourId('dlv'),
  receipt_id: ourId('rcp'),
  donation_id: ourId('don'),
});
export type MailEvent = z.output<typeof eventSchema>;

/**
 * Takes SendGrid's events: each mail they tell of was accepted, which settles deliveries of unknown
 * outcome. Events of other mails are taken and forgotten.
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
      log.info({ provider: 'sendgrid', delivery }, 'held delivery settled by evidence: accepted');
    }
    log.info(
      { provider: 'sendgrid', events: events.length, ours, fresh, unknown },
      `webhook taken: ${fresh} new events`,
    );
    return done;
  };
}

/** What came of a batch of events. */
export interface Taken {
  /** How many are about mails of ours, and how many of those were not seen before. */
  ours: number;
  fresh: number;
  /** Deliveries that became accepted. */
  settled: string[];
  /** Events that name nothing of ours, or no single delivery. */
  unknown: number;
}

/**
 * Takes a batch of events in one transaction: all of it is done, or nothing. Events seen before have
 * no effect.
 */
export async function takeMailEvents(db: Db, events: MailEvent[]): Promise<Taken> {
  const ours = events.filter(
    (event) =>
      PROVES_ACCEPTANCE.has(event.event) &&
      (event.delivery_id ?? event.receipt_id ?? event.donation_id) !== undefined,
  );
  if (ours.length === 0) return { ours: 0, fresh: 0, settled: [], unknown: 0 };
  // Twice in one batch is once.
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

/** The events that can be read; undefined when it is no list of anything. */
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

/** One event as SendGrid posts it; undefined when it is none. */
export const readMailEvent = (json: unknown): MailEvent | undefined =>
  eventSchema.safeParse(json).data;

/**
 * `sg_event_id` may change when an event is sent again; these four don't. The address is hashed: a
 * list of what was seen needs nobody's name.
 */
function keyOf({ sg_message_id, event, timestamp, email }: MailEvent): string {
  const who = createHash('sha256').update(email.toLowerCase()).digest('base64url').slice(0, 22);
  return `sendgrid ${sg_message_id} ${event} ${timestamp} ${who}`;
}

const toProof = (event: MailEvent): Proof => ({
  event: event.event,
  at: new Date(event.timestamp * 1000),
  // SendGrid puts names of its servers behind the X-Message-Id with which it had answered.
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

/** What an event says of a delivery that did not arrive. */
const toBounce = ({ event, delivery_id, reason, timestamp }: MailEvent): Bounce[] =>
  delivery_id !== undefined && (event === 'bounce' || event === 'dropped')
    ? [{ deliveryId: delivery_id, reason: reason || event, at: new Date(timestamp * 1000) }]
    : [];

/** What an event says of the address it went to. */
function toAddressNews({ event, email, type, reason, timestamp }: MailEvent): AddressNews[] {
  if (email === '') return [];
  const at = new Date(timestamp * 1000);
  if (event === 'delivered') return [{ email, problem: null, detail: null, at }];
  // A block is the receiving server's for now, and no fault of the address.
  const problem = event === 'bounce' && type === 'blocked' ? undefined : PROBLEMS[event];
  return problem ? [{ email, problem, detail: reason ?? null, at }] : [];
}
