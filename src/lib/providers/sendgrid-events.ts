import { EventWebhook, EventWebhookHeader } from '@sendgrid/eventwebhook';
import { configurationError } from '../errors.ts';

/** The headers of SendGrid's request; names in lower case, as in Node's `headers`. */
type Headers = Record<string, string | string[] | undefined>;

/** The result of the check. `stale`: signed too long ago, or in the future. */
export type EventSignature = 'valid' | 'invalid' | 'stale';

// SendGrid repeats an event for up to 24 hours until it is accepted
// (https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/troubleshooting), and the
// clock of this machine may be wrong by days. A replay does no harm: its events prove that a mail
// was accepted, which stays true, and `markSeen` ignores known events.
const MAX_AGE_MS = 7 * 24 * 60 * 60 * 1000;

const SIGNATURE = EventWebhookHeader.SIGNATURE().toLowerCase();
const TIMESTAMP = EventWebhookHeader.TIMESTAMP().toLowerCase();

/**
 * Makes a check that requests come from SendGrid: ECDSA P-256 over the timestamp and the unparsed
 * body.
 * https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
 *
 * @param publicKey as SendGrid shows it: the DER in base64.
 * @throws UserError `configuration` when it is not a valid key.
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
    // The age is checked first, because checking the signature takes some milliseconds.
    if (Math.abs(now.getTime() - Number(timestamp) * 1000) > MAX_AGE_MS) return 'stale';
    try {
      return webhook.verifySignature(key, body, signature, timestamp) ? 'valid' : 'invalid';
    } catch {
      // The library throws when the header does not have the format of a signature.
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
