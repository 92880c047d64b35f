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
import { sandboxInbox } from './inbox.ts';
import { clearSandboxStore } from './store.ts';
import type { IdempotencyKeys } from './stripe-idempotency.ts';
import type { StripeObjects } from './stripe-objects.ts';
import type { Webhooks } from './webhooks.ts';

/** How many requests a provider got since the server started, by outcome. */
export interface RequestCounts {
  requests: number;
  statuses: Record<string, number>;
  faults: Record<string, number>;
}

export interface SandboxStats {
  payment_intents: number;
  /** Payments that succeeded. */
  succeeded: number;
  customers: number;
  mails: number;
  webhooks_pending: number;
  /** Requests that were received and have not taken effect yet. */
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
  /** The first parameter of the path. */
  id: string;
  query: URLSearchParams;
  /** The JSON of the request. */
  body: unknown;
}

/** Returns the answer as JSON; undefined when the object does not exist. */
type Method = (call: Call) => unknown;

/**
 * The admin interface under /_sandbox/, for `SandboxClient`: faults, the inbox, objects and counts.
 */
export function sandboxAdmin(parts: Parts): (request: SandboxRequest) => Promise<HttpAnswer> {
  const { dataDir, store, objects, keys, faults, held, webhooks, doubles } = parts;
  const inbox = sandboxInbox(store);
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

  /** Goes through Stripe's API, so that the same rules apply, but without faults. */
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
    ['GET /_sandbox/inbox', ({ query }) => inbox.list(query)],
    ['GET /_sandbox/inbox/:id', ({ id }) => inbox.find(id)],
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
    if ('allow' in found) return json(405, { error: `${method} is not allowed for ${path}` });
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
