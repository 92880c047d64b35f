import { EventWebhook, EventWebhookHeader } from '@sendgrid/eventwebhook';
import { configurationError } from '../errors.ts';

/** What SendGrid sends beside the body; the names are those of Node's `headers`, in lower case. */
type Headers = Record<string, string | string[] | undefined>;

/** `valid`, or what is wrong with it. `stale` is a good signature of another time: perhaps a replay. */
export type EventSignature = 'valid' | 'invalid' | 'stale';

// Clocks differ and mail is slow to be told of, but an old request is a copy of one that was taken.
const MAX_AGE_MS = 10 * 60 * 1000;

const SIGNATURE = EventWebhookHeader.SIGNATURE().toLowerCase();
const TIMESTAMP = EventWebhookHeader.TIMESTAMP().toLowerCase();

/**
 * Checks that requests are SendGrid's own: ECDSA P-256 over timestamp and body as it came.
 * https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
 *
 * @param publicKey as SendGrid shows it: the base 64 of the DER.
 * @throws UserError `configuration` when it is no such key.
 */
export function sendgridSignatures(
  publicKey: string,
): (headers: Headers, body: Buffer, now: Date) => EventSignature {
  const webhook = new EventWebhook();
  const key = readKey(webhook, publicKey);
  return (headers, body, now) => {
    const signature = headers[SIGNATURE];
    const timestamp = headers[TIMESTAMP];
    if (typeof signature !== 'string' || typeof timestamp !== 'string') return 'invalid';
    if (!/^\d{1,12}$/.test(timestamp)) return 'invalid';
    // The age first: it costs nothing, the signature some milliseconds.
    if (Math.abs(now.getTime() - Number(timestamp) * 1000) > MAX_AGE_MS) return 'stale';
    try {
      return webhook.verifySignature(key, body, signature, timestamp) ? 'valid' : 'invalid';
    } catch {
      // What is no signature at all is not refused but thrown at.
      return 'invalid';
    }
  };
}

function readKey(webhook: EventWebhook, publicKey: string) {
  try {
    return webhook.convertPublicKeyToECDSA(publicKey);
  } catch {
    throw configurationError(
      'sendgrid.webhookPublicKey is not a verification key',
      'Copy it from SendGrid: Settings, Mail Settings, Event Webhook, Signature Verification.',
    );
  }
}
