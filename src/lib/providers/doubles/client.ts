import { notFound } from '../../errors.ts';
import type { InboxMail, SandboxStats } from './admin.ts';
import type { Faults, Provider } from './faults.ts';

/** A charge as the Stripe double knows it. */
export interface SandboxIntent {
  id: string;
  donation_id: string | null;
  status: string;
  amount: number;
}

/** The mail as it was handed over. */
export interface SandboxMail {
  from: { email: string; name?: string };
  personalizations: { to: { email: string; name?: string }[] }[];
  subject?: string;
  template_id?: string;
  content?: { type: string; value: string }[];
  custom_args?: Record<string, string>;
}

/** The sandbox's side door, from outside. */
export class SandboxClient {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  stats = () => this.#call<SandboxStats>('GET', 'stats');

  setFaults = (provider: Provider, faults: Faults) => this.#call<Faults>('PUT', `faults/${provider}`, faults);

  inbox = ({ limit = 50, deliveryId }: { limit?: number; deliveryId?: string } = {}) =>
    this.#call<InboxMail[]>('GET', `inbox?limit=${limit}${deliveryId ? `&delivery_id=${deliveryId}` : ''}`);

  /** One mail, by its id or the beginning of it. @throws UserError `not_found`. */
  mail = (id: string) => this.#call<SandboxMail>('GET', `inbox/${encodeURIComponent(id)}`);

  paymentIntents = (donationId?: string) =>
    this.#call<SandboxIntent[]>('GET', `payment_intents${donationId ? `?donation_id=${donationId}` : ''}`);

  /** Forgets all idempotency keys, as Stripe does when they are old. */
  expireKeys = () => this.#call<{ expired: number }>('POST', 'expire_keys');

  /** Empties the inbox, the charges, the customers and the faults. */
  reset = () => this.#call<{ reset: boolean }>('POST', 'reset');

  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.#url}/_sandbox/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as T & { error?: string };
    if (response.status === 404) throw notFound(`the sandbox has ${answer.error}`);
    if (!response.ok) throw new Error(`the sandbox answered ${response.status}`);
    return answer;
  }
}
