import { router } from '../http/router.ts';
import { type HttpAnswer, json } from '../http/server.ts';
import type { LocalStore } from '../local/sqlite.ts';
import type { Double, SandboxRequest } from './double.ts';
import {
  type ActiveRule,
  type FaultRule,
  type Faults,
  PROVIDERS,
  type Provider,
} from './faults.ts';
import type { HeldRequests } from './held-requests.ts';
import type { Mail } from './sendgrid-validation.ts';
import type { RequestCounts } from './server.ts';
import { clearSandboxStore } from './store.ts';
import type { IdempotencyKeys } from './stripe-idempotency.ts';
import type { StripeObjects } from './stripe-objects.ts';
import type { Webhooks } from './webhooks.ts';

/** A mail that the SendGrid double accepted. */
export interface InboxMail {
  id: string;
  /** RFC 3339. */
  accepted_at: string;
  from: string;
  to: string;
  subject: string;
  receipt_id: string | null;
  donation_id: string | null;
  delivery_id: string | null;
  /** `delivered`, `bounced`, `dropped`. */
  outcome: string;
}

export interface SandboxStats {
  payment_intents: number;
  /** Those that succeeded: money would have moved. */
  succeeded: number;
  customers: number;
  mails: number;
  webhooks_pending: number;
  /** Requests that were taken and have not taken effect yet. */
  held: number;
  /** Since the server started. */
  requests: Record<Provider, RequestCounts>;
}

export interface Health {
  ok: true;
  pid: number;
  dataDir: string;
}

interface Parts {
  dataDir: string;
  store: LocalStore;
  objects: StripeObjects;
  keys: IdempotencyKeys;
  faults: Faults;
  held: HeldRequests;
  webhooks: Webhooks;
  doubles: Record<Provider, Double>;
  counts: Record<Provider, RequestCounts>;
  requestStop: () => void;
}

interface Call {
  /** What the path has for `:id`. */
  id: string;
  query: URLSearchParams;
  /** The JSON that was sent. */
  body: unknown;
}

/** What a call gives back, as JSON; undefined when there is no such thing. */
type Method = (call: Call) => unknown;

/** The side door under /_sandbox/: faults, the inbox, and what there is to count. For `SandboxClient`. */
export function sandboxAdmin(parts: Parts): (request: SandboxRequest) => Promise<HttpAnswer> {
  const { dataDir, store, objects, keys, faults, held, webhooks, doubles } = parts;
  const health: Health = { ok: true, pid: process.pid, dataDir };

  const allFaults = (): Record<Provider, ActiveRule[]> => ({
    stripe: faults.rules('stripe'),
    sendgrid: faults.rules('sendgrid'),
  });

  const setFaults = (provider: string, rules: FaultRule[]) => {
    if (!PROVIDERS.includes(provider as Provider)) {
      throw new RangeError(`there is no provider ${provider}`);
    }
    faults.set(provider as Provider, rules);
    return allFaults();
  };

  const clearFaults = (providers: string[]) => {
    for (const provider of providers) setFaults(provider, []);
    return allFaults();
  };

  const inbox = (query: URLSearchParams) => {
    const columns = ['receipt_id', 'donation_id', 'delivery_id', 'recipient'].filter((name) =>
      query.has(name),
    );
    const where = columns.map((name) => `${name} = ?`).join(' and ') || 'true';
    return store
      .all<MailRow>(
        `select * from sendgrid_messages where ${where} order by seq desc limit ?`,
        ...columns.map((name) => query.get(name)),
        Number(query.get('limit') ?? 50),
      )
      .map(inboxMail);
  };

  const message = (id: string): { mail: InboxMail; message: Mail | null } | undefined => {
    const rows = store.all<MailRow & { content: string | null }>(
      `select m.*, c.mail as content from sendgrid_messages m left join sendgrid_contents c using (seq)
       where m.id >= ? and m.id < ? || char(0x10ffff) order by length(m.id) limit 2`,
      id,
      id,
    );
    const row = rows.find((one) => one.id === id) ?? (rows.length === 1 ? rows[0] : undefined);
    return (
      row && {
        mail: inboxMail(row),
        message: row.content === null ? null : JSON.parse(row.content),
      }
    );
  };

  const stats = (): SandboxStats => ({
    payment_intents: objects.count('payment_intent'),
    succeeded:
      store.get<{ n: number }>(
        "select count(*) as n from stripe_objects where kind = 'payment_intent' and body ->> 'status' = 'succeeded'",
      )?.n ?? 0,
    customers: objects.count('customer'),
    mails: store.get<{ n: number }>('select count(*) as n from sendgrid_messages')?.n ?? 0,
    webhooks_pending: webhooks.pending(),
    held: held.list().length,
    requests: parts.counts,
  });

  const stripeList = (kind: 'payment_intent' | 'customer', query: URLSearchParams) =>
    objects.list({
      kind,
      donationId: query.get('donation_id') ?? undefined,
      email: query.get('email') ?? undefined,
      limit: Number(query.get('limit') ?? 1_000_000),
    }).data;

  /** As the dashboard does it: through Stripe's API, whatever faults there are. */
  const refund = async (params: Record<string, string>) => {
    const answer = await doubles.stripe.handle(
      {
        method: 'POST',
        path: '/v1/refunds',
        query: '',
        headers: { authorization: 'Bearer sk_test_sandbox' },
        body: String(new URLSearchParams(params)),
      },
      { latencyMs: 0, error: undefined },
    );
    const result = JSON.parse(answer.body);
    if (answer.status !== 200) throw new RangeError(result.error.message);
    return result;
  };

  const find = router<Method>([
    ['GET /_sandbox/health', () => health],
    ['GET /_sandbox/stats', stats],
    ['GET /_sandbox/faults', allFaults],
    ['PUT /_sandbox/faults/:provider', ({ id, body }) => setFaults(id, [body as FaultRule].flat())],
    ['DELETE /_sandbox/faults', () => clearFaults(PROVIDERS)],
    ['DELETE /_sandbox/faults/:provider', ({ id }) => clearFaults([id])],
    ['GET /_sandbox/held', () => held.list()],
    ['POST /_sandbox/held/release', async () => ({ released: await held.release() })],
    ['GET /_sandbox/inbox', ({ query }) => inbox(query)],
    ['GET /_sandbox/inbox/:id', ({ id }) => message(id)],
    ['GET /_sandbox/payment_intents', ({ query }) => stripeList('payment_intent', query)],
    ['GET /_sandbox/payment_intents/:id', ({ id }) => objects.get('payment_intent', id)],
    ['GET /_sandbox/customers', ({ query }) => stripeList('customer', query)],
    ['POST /_sandbox/refunds', ({ body }) => refund(body as Record<string, string>)],
    ['GET /_sandbox/webhooks', () => webhooks.settings()],
    [
      'PUT /_sandbox/webhooks',
      ({ body }) => {
        webhooks.configure(body as Parameters<Webhooks['configure']>[0]);
        return webhooks.settings();
      },
    ],
    [
      'POST /_sandbox/expire_keys',
      ({ body }) => ({
        expired: keys.expire((body as { olderThanMs?: number }).olderThanMs ?? 0),
      }),
    ],
    [
      'POST /_sandbox/reset',
      () => {
        held.drop();
        clearSandboxStore(store);
        clearFaults(PROVIDERS);
        return { reset: true };
      },
    ],
    [
      'POST /_sandbox/stop',
      () => {
        parts.requestStop();
        return { stopping: true };
      },
    ],
  ]);

  return async ({ method, path, query, body }) => {
    const found = find(method, path);
    if (!found) return json(404, { error: `nothing at ${path}` });
    if ('allow' in found) return json(405, { error: `${method} is not for ${path}` });
    try {
      const [id = ''] = found.params;
      const result = await found.value({
        id,
        query: new URLSearchParams(query),
        body: JSON.parse(body || '{}'),
      });
      return result === undefined ? json(404, { error: `no ${id}` }) : json(200, result);
    } catch (error) {
      if (error instanceof RangeError || error instanceof SyntaxError) {
        return json(400, { error: error.message });
      }
      throw error;
    }
  };
}

interface MailRow {
  id: string;
  accepted_ms: number;
  sender: string;
  recipient: string;
  subject: string;
  receipt_id: string | null;
  donation_id: string | null;
  delivery_id: string | null;
  outcome: string;
}

const inboxMail = (row: MailRow): InboxMail => ({
  id: row.id,
  accepted_at: new Date(row.accepted_ms).toISOString(),
  from: row.sender,
  to: row.recipient,
  subject: row.subject,
  receipt_id: row.receipt_id,
  donation_id: row.donation_id,
  delivery_id: row.delivery_id,
  outcome: row.outcome,
});
