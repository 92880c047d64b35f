import { configurationError, dependencyDown, notFound, UserError } from '../errors.ts';
import type { Health, SandboxStats } from './admin.ts';
import type { ActiveRule, FaultRule, Provider } from './faults.ts';
import type { HeldRequest } from './held-requests.ts';
import type { InboxMail } from './inbox.ts';
import { secretHeader } from './secret.ts';
import type { Mail } from './sendgrid-validation.ts';
import type { StripeObject } from './stripe-objects.ts';
import type { WebhookSettings } from './webhooks.ts';

/** Which mails: by the custom arguments that they were sent with, or by address. */
export interface InboxFilter {
  limit?: number;
  receiptId?: string;
  donationId?: string;
  deliveryId?: string;
  to?: string;
}

/** A client of the sandbox's admin interface. Every method throws UserError `dependency_down` when it does not answer. */
export class SandboxClient {
  readonly #url: string;
  readonly #secret: string;

  /** @param at what `startSandbox` and `ensureSandbox` give, or the URL and what `readSecret` gives */
  constructor(at: { url: string; secret: string }) {
    this.#url = at.url;
    this.#secret = at.secret;
  }

  health = () => this.#call<Health>('GET', 'health');

  stats = () => this.#call<SandboxStats>('GET', 'stats');

  faults = () => this.#call<Record<Provider, ActiveRule[]>>('GET', 'faults');

  /** Replaces the provider's faults. @throws UserError `usage` for a rule that makes no sense */
  setFaults = (provider: Provider, rules: FaultRule | FaultRule[]) =>
    this.#call<Record<Provider, ActiveRule[]>>('PUT', `faults/${provider}`, rules);

  /** Ends the faults of one provider, or of both. */
  clearFaults = (provider?: Provider) =>
    this.#call<Record<Provider, ActiveRule[]>>(
      'DELETE',
      provider ? `faults/${provider}` : 'faults',
    );

  /** Requests under the faults `late` and `lateAfterReset` that have not taken effect yet. */
  held = () => this.#call<HeldRequest[]>('GET', 'held');

  /** Carries them out now, in the order in which they came. Resolves when all are done. */
  releaseHeld = () => this.#call<{ released: number }>('POST', 'held/release');

  /** The newest mails first; 50 unless told. */
  inbox = ({ limit, receiptId, donationId, deliveryId, to }: InboxFilter = {}) =>
    this.#call<InboxMail[]>(
      'GET',
      `inbox${query({ limit, receipt_id: receiptId, donation_id: donationId, delivery_id: deliveryId, recipient: to })}`,
    );

  /**
   * One mail by its id, or an unambiguous beginning of it. `message` is null for old ones, of which
   * only the envelope is kept. @throws UserError `not_found`
   */
  message = (id: string) =>
    this.#call<{ mail: InboxMail; message: Mail | null }>(
      'GET',
      `inbox/${encodeURIComponent(id)}`,
    ).catch((error) => {
      if (!(error instanceof UserError && error.code === 'not_found')) throw error;
      throw notFound(
        `the sandbox has no mail ${id}, or several that begin so`,
        'See: donations sandbox inbox',
      );
    });

  /** PaymentIntents as Stripe has them, newest first; of one donation by its id in the metadata. */
  paymentIntents = ({ donationId, limit }: { donationId?: string; limit?: number } = {}) =>
    this.#call<StripeObject[]>(
      'GET',
      `payment_intents${query({ donation_id: donationId, limit })}`,
    );

  /** One PaymentIntent. @throws UserError `not_found` */
  paymentIntent = (id: string) =>
    this.#call<StripeObject>('GET', `payment_intents/${encodeURIComponent(id)}`).catch((error) => {
      if (!(error instanceof UserError && error.code === 'not_found')) throw error;
      throw notFound(`the sandbox has no payment ${id}`);
    });

  /**
   * Refunds a payment, as on Stripe's dashboard: all that is left of it, or this many minor units.
   * @throws UserError `usage` when less than that is left
   */
  refund = (paymentIntentId: string, amountMinor?: bigint) =>
    this.#call<StripeObject>('POST', 'refunds', {
      payment_intent: paymentIntentId,
      ...(amountMinor === undefined ? {} : { amount: String(amountMinor) }),
    });

  customers = ({ email }: { email?: string } = {}) =>
    this.#call<StripeObject[]>('GET', `customers${query({ email })}`);

  webhooks = () => this.#call<WebhookSettings>('GET', 'webhooks');

  /** Sets where events go; null for nowhere, left out as it was. */
  setWebhooks = (urls: { stripeUrl?: string | null; sendgridUrl?: string | null }) =>
    this.#call<WebhookSettings>('PUT', 'webhooks', urls);

  /** Deletes Stripe's idempotency keys that are at least this old; by default all of them. */
  expireKeys = (olderThanMs = 0) =>
    this.#call<{ expired: number }>('POST', 'expire_keys', { olderThanMs });

  /** Deletes charges, customers, mails, faults and held requests. */
  reset = () => this.#call<{ reset: true }>('POST', 'reset');

  /** Asks the server to stop. */
  stop = () => this.#call<{ stopping: true }>('POST', 'stop');

  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    let response: Response;
    try {
      response = await fetch(`${this.#url}/_sandbox/${path}`, {
        method,
        headers: secretHeader(this.#secret),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(10_000),
      });
    } catch (error) {
      throw dependencyDown(
        `the sandbox at ${this.#url} does not answer`,
        'Start it: donations sandbox start',
        error,
      );
    }
    const answer = (await response.json()) as T & { error?: string };
    if (response.status === 401) {
      throw configurationError(
        `the sandbox at ${this.#url} belongs to another data directory: ${answer.error}`,
        'Set DONATIONS_DATA_DIR to the directory that it was started with.',
      );
    }
    if (response.status === 404) throw notFound(`the sandbox has ${answer.error}`);
    if (response.status === 400) {
      throw new UserError('usage', `the sandbox refuses: ${answer.error}`);
    }
    if (!response.ok) {
      throw new Error(`the sandbox answered ${response.status} to ${method} ${path}`);
    }
    return answer;
  }
}

function query(values: Record<string, string | number | undefined>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) params.set(name, String(value));
  }
  return params.size === 0 ? '' : `?${params}`;
}
