import { EventWebhook, EventWebhookHeader } from '@sendgrid/eventwebhook';
import { configurationError } from '../errors.ts';

/** What SendGrid sends beside the body; the names are those of Node's `headers`, in lower case. */
type Headers = Record<string, string | string[] | undefined>;

/** `valid`, or what is wrong with it. `stale`: it was signed at another time than now. */
export type EventSignature = 'valid' | 'invalid' | 'stale';

// SendGrid sends an event again for up to 24 hours until it is taken
// (https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/troubleshooting), and this
// machine's clock may be wrong by days. A copy does no harm: its events tell that a mail was
// accepted, which stays true, and those that were seen before (`markSeen`) are ignored.
const MAX_AGE_MS = 7 * 24 * 60 * 60 * 1000;

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
    // The age is checked first: it costs nothing, and the signature costs some milliseconds.
    if (Math.abs(now.getTime() - Number(timestamp) * 1000) > MAX_AGE_MS) return 'stale';
    try {
      return webhook.verifySignature(key, body, signature, timestamp) ? 'valid' : 'invalid';
    } catch {
      // The library throws when the header does not have the form of a signature.
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
