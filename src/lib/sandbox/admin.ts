import type { LocalStore } from '../local/sqlite.ts';
import {
  type ActiveRule,
  type FaultRule,
  type Faults,
  PROVIDERS,
  type Provider,
} from './faults.ts';
import { type Answer, json, type SandboxRequest } from './http.ts';
import type { Mail } from './sendgrid-validation.ts';
import { clearSandboxStore } from './store.ts';
import type { IdempotencyKeys } from './stripe-idempotency.ts';
import type { StripeObjects } from './stripe-objects.ts';
import type { Webhooks } from './webhooks.ts';

/** How often a provider was called, and with what outcome, since the server started. */
export interface RequestCounts {
  requests: number;
  statuses: Record<string, number>;
  faults: Record<string, number>;
}

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
  webhooks: Webhooks;
  counts: Record<Provider, RequestCounts>;
  requestStop: () => void;
}

/** The side door under /_sandbox/: faults, the inbox, and what there is to count. For `SandboxClient`. */
export function sandboxAdmin(parts: Parts): (request: SandboxRequest) => Answer {
  const { dataDir, store, objects, keys, faults, webhooks } = parts;
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
    requests: parts.counts,
  });

  const stripeList = (kind: 'payment_intent' | 'customer', query: URLSearchParams) =>
    objects.list({
      kind,
      donationId: query.get('donation_id') ?? undefined,
      email: query.get('email') ?? undefined,
      limit: Number(query.get('limit') ?? 1_000_000),
    }).data;

  function answer({ method, path, query, body }: SandboxRequest): unknown {
    const [, , noun = '', id = ''] = path.split('/').map(decodeURIComponent);
    const params = new URLSearchParams(query);
    switch (`${method} ${noun}`) {
      case 'GET health':
        return health;
      case 'GET stats':
        return stats();
      case 'GET faults':
        return allFaults();
      case 'PUT faults':
        return setFaults(id, [JSON.parse(body)].flat());
      case 'DELETE faults':
        for (const provider of id ? [id] : PROVIDERS) setFaults(provider, []);
        return allFaults();
      case 'GET inbox':
        return id ? message(id) : inbox(params);
      case 'GET payment_intents':
        return stripeList('payment_intent', params);
      case 'GET customers':
        return stripeList('customer', params);
      case 'GET webhooks':
        return webhooks.settings();
      case 'PUT webhooks':
        webhooks.configure(JSON.parse(body));
        return webhooks.settings();
      case 'POST expire_keys':
        return { expired: keys.expire(JSON.parse(body || '{}').olderThanMs ?? 0) };
      case 'POST reset':
        clearSandboxStore(store);
        for (const provider of PROVIDERS) faults.set(provider, []);
        return { reset: true };
      case 'POST stop':
        parts.requestStop();
        return { stopping: true };
      default:
        return undefined;
    }
  }

  return (request) => {
    try {
      const found = answer(request);
      return found === undefined
        ? json(404, {
            error: `no ${decodeURIComponent(request.path).slice('/_sandbox/'.length).replace('inbox/', 'mail ')}`,
          })
        : json(200, found);
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
