import { configurationError, dependencyDown, notFound, UserError } from '../errors.ts';
import type { Health, SandboxStats } from './admin.ts';
import type { ActiveRule, FaultRule, Provider } from './faults.ts';
import type { HeldRequest } from './held-requests.ts';
import type { InboxMail } from './inbox.ts';
import { secretHeader } from './secret.ts';
import type { Mail } from './sendgrid-validation.ts';
import type { StripeObject } from './stripe-objects.ts';
import type { WebhookSettings } from './webhooks.ts';

/** Selects mails by their custom arguments or by address. */
export interface InboxFilter {
  limit?: number;
  receiptId?: string;
  donationId?: string;
  deliveryId?: string;
  to?: string;
}

/**
 * A client of the sandbox's admin interface. Every method throws UserError `dependency_down` when
 * there is no answer.
 */
export class SandboxClient {
  readonly #url: string;
  readonly #secret: string;

  /**
   * @param at the result of `startSandbox` or `ensureSandbox`, or the URL and the result of
   *   `readSecret`
   */
  constructor(at: { url: string; secret: string }) {
    this.#url = at.url;
    this.#secret = at.secret;
  }

  health = () => this.#call<Health>('GET', 'health');

  stats = () => this.#call<SandboxStats>('GET', 'stats');

  faults = () => this.#call<Record<Provider, ActiveRule[]>>('GET', 'faults');

  /** Replaces the provider's faults. @throws UserError `usage` for an invalid rule */
  setFaults = (provider: Provider, rules: FaultRule | FaultRule[]) =>
    this.#call<Record<Provider, ActiveRule[]>>('PUT', `faults/${provider}`, rules);

  /** Removes the faults of one provider, or of both. */
  clearFaults = (provider?: Provider) =>
    this.#call<Record<Provider, ActiveRule[]>>(
      'DELETE',
      provider ? `faults/${provider}` : 'faults',
    );

  /** Requests with the faults `late` and `lateAfterReset` that have not taken effect yet. */
  held = () => this.#call<HeldRequest[]>('GET', 'held');

  /** Executes them now, in order of arrival. Resolves when all are done. */
  releaseHeld = () => this.#call<{ released: number }>('POST', 'held/release');

  /** The newest mails first; 50 by default. */
  inbox = ({ limit, receiptId, donationId, deliveryId, to }: InboxFilter = {}) =>
    this.#call<InboxMail[]>(
      'GET',
      `inbox${query({ limit, receipt_id: receiptId, donation_id: donationId, delivery_id: deliveryId, recipient: to })}`,
    );

  /**
   * One mail by its id, or an unambiguous prefix. `message` is null for old mails, whose bodies are
   * deleted. @throws UserError `not_found`
   */
  message = (id: string) =>
    this.#call<{ mail: InboxMail; message: Mail | null }>(
      'GET',
      `inbox/${encodeURIComponent(id)}`,
    ).catch((error) => {
      if (!(error instanceof UserError && error.code === 'not_found')) throw error;
      throw notFound(
        `the sandbox has no mail ${id}, or several that begin with it`,
        'List the mails: donations sandbox inbox',
      );
    });

  /**
   * PaymentIntents in Stripe's format, newest first; optionally those of one donation, by the id in
   * their metadata.
   */
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
   * Refunds a payment as in Stripe's dashboard: the whole remaining amount, or this many minor
   * units.
   * @throws UserError `usage` when the remaining amount is smaller
   */
  refund = (paymentIntentId: string, amountMinor?: bigint) =>
    this.#call<StripeObject>('POST', 'refunds', {
      payment_intent: paymentIntentId,
      ...(amountMinor === undefined ? {} : { amount: String(amountMinor) }),
    });

  customers = ({ email }: { email?: string } = {}) =>
    this.#call<StripeObject[]>('GET', `customers${query({ email })}`);

  webhooks = () => this.#call<WebhookSettings>('GET', 'webhooks');

  /** Sets where events are sent; null for nowhere. Omitted URLs stay as they are. */
  setWebhooks = (urls: { stripeUrl?: string | null; sendgridUrl?: string | null }) =>
    this.#call<WebhookSettings>('PUT', 'webhooks', urls);

  /** Deletes Stripe's idempotency keys of at least this age; all of them by default. */
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
      throw new UserError('usage', `the sandbox refused the request: ${answer.error}`);
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
