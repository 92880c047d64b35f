import type { LocalStore } from '../../local/sqlite.ts';
import { type Faults, PROVIDERS, type Provider } from './faults.ts';
import type { SandboxAnswer, SandboxRequest } from './http.ts';
import { writeSetting } from './state.ts';

/** A mail as the inbox shows it. */
export interface InboxMail {
  id: string;
  accepted_at: string;
  to: string;
  subject: string;
  receipt_id: string | null;
  delivery_id: string | null;
  donation_id: string | null;
}

export interface SandboxStats {
  payment_intents: number;
  succeeded: number;
  customers: number;
  mails: number;
  faults: Record<Provider, Faults>;
}

/** The sandbox's side door: faults, the inbox, and what there is to count. */
export class Admin {
  readonly #store: LocalStore;
  readonly #faults: Record<Provider, Faults>;

  constructor(store: LocalStore, faults: Record<Provider, Faults>) {
    this.#store = store;
    this.#faults = faults;
  }

  handle({ method, path, query, body }: SandboxRequest): SandboxAnswer {
    const [, , what = '', id = ''] = path.split('/');
    switch (`${method} ${what}`) {
      case 'GET health':
        return ok({ ok: true, pid: process.pid });
      case 'GET stats':
        return ok(this.#stats());
      case 'PUT faults':
        return ok(this.#setFaults(id as Provider, JSON.parse(body)));
      case 'GET inbox':
        return id ? this.#mail(id) : ok(this.#inbox(Number(query.get('limit') ?? 50), query.get('delivery_id')));
      case 'GET payment_intents':
        return ok(this.#intents(query.get('donation_id')));
      case 'POST expire_keys':
        return ok({ expired: this.#store.run('delete from sandbox_stripe_keys').changes });
      case 'POST reset':
        return ok(this.#reset());
      default:
        return { status: 404, body: { error: `no ${method} ${path}` } };
    }
  }

  #stats(): SandboxStats {
    const count = (sql: string) => this.#store.get<{ n: number }>(sql)?.n ?? 0;
    return {
      payment_intents: count(`select count(*) n from sandbox_stripe_objects where kind = 'payment_intent'`),
      succeeded: count(`select count(*) n from sandbox_stripe_objects where kind = 'payment_intent' and body->>'$.status' = 'succeeded'`),
      customers: count(`select count(*) n from sandbox_stripe_objects where kind = 'customer'`),
      mails: count('select count(*) n from sandbox_mails'),
      faults: this.#faults,
    };
  }

  #setFaults(provider: Provider, faults: Faults): Faults {
    if (!PROVIDERS.includes(provider)) throw new Error(`no provider ${provider}`);
    this.#faults[provider] = faults;
    writeSetting(this.#store, `faults.${provider}`, faults);
    return faults;
  }

  #inbox(limit: number, deliveryId: string | null): InboxMail[] {
    return this.#store
      .all<InboxMail & { accepted_ms: number }>(
        `select id, accepted_ms, recipient as "to", subject, receipt_id, delivery_id, donation_id
         from sandbox_mails where ? is null or delivery_id = ? order by rowid desc limit ?`,
        deliveryId,
        deliveryId,
        limit,
      )
      .map(({ accepted_ms, ...mail }) => ({ ...mail, accepted_at: new Date(accepted_ms).toISOString() }));
  }

  #mail(id: string): SandboxAnswer {
    const row = this.#store.get<{ body: string }>('select body from sandbox_mails where id like ? limit 1', `${id}%`);
    return row ? ok(JSON.parse(row.body)) : { status: 404, body: { error: `no mail ${id}` } };
  }

  #intents(donationId: string | null) {
    return this.#store.all(
      `select id, donation_id, body->>'$.status' as status, body->>'$.amount' as amount
       from sandbox_stripe_objects where kind = 'payment_intent' and (? is null or donation_id = ?)`,
      donationId,
      donationId,
    );
  }

  #reset() {
    for (const table of ['stripe_objects', 'stripe_keys', 'mails', 'settings']) this.#store.run(`delete from sandbox_${table}`);
    for (const provider of PROVIDERS) this.#faults[provider] = {};
    return { reset: true };
  }
}

const ok = (body: unknown): SandboxAnswer => ({ status: 200, body });
