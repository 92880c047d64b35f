import { createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { LocalStore } from '../local/sqlite.ts';
import type { Provider } from './faults.ts';
import type { MailListener } from './sendgrid.ts';
import { readSetting, writeSetting } from './store.ts';
import type { StripeListener } from './stripe.ts';
import { stripeId } from './stripe-objects.ts';

/** Where events are sent, and what their receiver needs to verify them. */
export interface WebhookSettings {
  stripeUrl: string | null;
  sendgridUrl: string | null;
  /** For `stripe.webhooks.constructEvent`. */
  stripeSecret: string;
  /** As SendGrid shows it: the DER in base64, for `EventWebhook.convertPublicKeyToECDSA`. */
  sendgridPublicKey: string;
}

export interface Webhooks {
  stripe: StripeListener;
  sendgrid: MailListener;
  settings(): WebhookSettings;
  configure(urls: { stripeUrl?: string | null; sendgridUrl?: string | null }): void;
  /** The number of events that are not delivered yet. */
  pending(): number;
  start(): void;
  close(): Promise<void>;
}

interface Keys {
  stripeSecret: string;
  sendgridPublicKey: string;
  sendgridPrivateKey: string;
}

interface WaitingEvent {
  seq: number;
  body: string;
  attempts: number;
}

const LOOK_EVERY_MS = 50;
const RECEIVER_TIMEOUT_MS = 10_000;
const SENDGRID_BATCH = 500;
const STRIPE_BATCH = 20;
const MAX_ATTEMPTS = 5;
const FIRST_RETRY_MS = 250;
const API_VERSION = '2026-10-28.endive';

/**
 * Sends signed events to the configured URLs, and repeats them when the receiver fails. SendGrid's
 * events are sent in batches.
 */
export function openWebhooks(store: LocalStore, now: () => number): Webhooks {
  const keys = readSetting<Keys>(store, 'webhooks.keys') ?? makeKeys(store);
  const urls = {
    stripe: readSetting<string>(store, 'webhooks.stripe') ?? null,
    sendgrid: readSetting<string>(store, 'webhooks.sendgrid') ?? null,
  };
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const underWay: Record<Provider, Promise<void> | undefined> = {
    stripe: undefined,
    sendgrid: undefined,
  };

  const enqueue = (provider: Provider, event: unknown) => {
    if (!urls[provider]) return;
    store.run(
      'insert into webhook_events (provider, body, due_ms) values (?, ?, ?)',
      provider,
      JSON.stringify(event),
      now(),
    );
  };

  async function flush(provider: Provider): Promise<void> {
    const url = urls[provider];
    if (!url) return;
    const due = store.all<WaitingEvent>(
      'select seq, body, attempts from webhook_events where provider = ? and due_ms <= ? order by seq limit ?',
      provider,
      now(),
      provider === 'sendgrid' ? SENDGRID_BATCH : STRIPE_BATCH,
    );
    const batches = provider === 'sendgrid' && due.length > 0 ? [due] : due.map((event) => [event]);
    await Promise.all(batches.map((batch) => deliver(provider, url, batch)));
  }

  async function deliver(provider: Provider, url: string, batch: WaitingEvent[]): Promise<void> {
    const bodies = batch.map(({ body }) => body);
    const body = provider === 'sendgrid' ? `[${bodies.join(',\r\n')}]\r\n` : bodies.join();
    const headers =
      provider === 'sendgrid'
        ? sendgridHeaders(keys, body, now())
        : stripeHeaders(keys, body, now());
    const delivered = await post(url, headers, body, stopping.signal);
    if (stopping.signal.aborted && !delivered) return;
    store.transaction(() => {
      for (const { seq, attempts } of batch) {
        if (delivered || attempts + 1 >= MAX_ATTEMPTS) {
          store.run('delete from webhook_events where seq = ?', seq);
        } else {
          const dueMs = now() + FIRST_RETRY_MS * 4 ** attempts;
          store.run(
            'update webhook_events set attempts = attempts + 1, due_ms = ? where seq = ?',
            dueMs,
            seq,
          );
        }
      }
    });
  }

  return {
    stripe(type, object) {
      enqueue('stripe', {
        id: stripeId('evt'),
        object: 'event',
        api_version: API_VERSION,
        created: Math.floor(now() / 1000),
        data: { object },
        livemode: false,
        pending_webhooks: 1,
        request: { id: null, idempotency_key: null },
        type,
      });
    },
    sendgrid({ event, email, messageId, args, fields }) {
      enqueue('sendgrid', {
        email,
        timestamp: Math.floor(now() / 1000),
        event,
        sg_event_id: randomBytes(16).toString('base64url'),
        // SendGrid appends names of its servers to the X-Message-Id.
        sg_message_id: `${messageId}.sandbox-0`,
        ...fields,
        ...args,
      });
    },
    settings: () => ({
      stripeUrl: urls.stripe,
      sendgridUrl: urls.sendgrid,
      stripeSecret: keys.stripeSecret,
      sendgridPublicKey: keys.sendgridPublicKey,
    }),
    configure({ stripeUrl = urls.stripe, sendgridUrl = urls.sendgrid }) {
      Object.assign(urls, { stripe: stripeUrl, sendgrid: sendgridUrl });
      writeSetting(store, 'webhooks.stripe', stripeUrl);
      writeSetting(store, 'webhooks.sendgrid', sendgridUrl);
    },
    pending: () => store.get<{ n: number }>('select count(*) as n from webhook_events')?.n ?? 0,
    start() {
      timer = setInterval(() => {
        for (const provider of ['stripe', 'sendgrid'] as const) {
          underWay[provider] ??= flush(provider)
            // Events stay stored until they are delivered, so a failure is repeated in the next
            // round.
            .catch(() => {})
            .finally(() => {
              underWay[provider] = undefined;
            });
        }
      }, LOOK_EVERY_MS);
    },
    async close() {
      clearInterval(timer);
      stopping.abort();
      await Promise.allSettled(Object.values(underWay));
    },
  };
}

function makeKeys(store: LocalStore): Keys {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const keys = {
    stripeSecret: `whsec_${randomBytes(24).toString('hex')}`,
    sendgridPublicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    sendgridPrivateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
  writeSetting(store, 'webhooks.keys', keys);
  return keys;
}

/** https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features */
function sendgridHeaders(keys: Keys, body: string, nowMs: number): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1000));
  return {
    'User-Agent': 'SendGrid Event API',
    'X-Twilio-Email-Event-Webhook-Timestamp': timestamp,
    'X-Twilio-Email-Event-Webhook-Signature': sign(
      'sha256',
      Buffer.from(timestamp + body),
      keys.sendgridPrivateKey,
    ).toString('base64'),
  };
}

/** https://docs.stripe.com/webhooks#verify-manually */
function stripeHeaders(keys: Keys, body: string, nowMs: number): Record<string, string> {
  const timestamp = Math.floor(nowMs / 1000);
  const signature = createHmac('sha256', keys.stripeSecret)
    .update(`${timestamp}.${body}`)
    .digest('hex');
  return {
    'User-Agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
    'Stripe-Signature': `t=${timestamp},v1=${signature}`,
  };
}

/** Whether the receiver accepted it. */
async function post(
  url: string,
  headers: Record<string, string>,
  body: string,
  stopping: AbortSignal,
): Promise<boolean> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json; charset=utf-8', ...headers },
      body,
      // Both providers treat a redirect as a failure.
      redirect: 'manual',
      signal: AbortSignal.any([stopping, AbortSignal.timeout(RECEIVER_TIMEOUT_MS)]),
    });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
