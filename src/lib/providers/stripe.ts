import Stripe from 'stripe';
import { maskText } from '../mask.ts';
import { ProviderError } from './errors.ts';
import type { Card, PaymentGateway, PaymentRequest, PaymentState } from './payments.ts';
import {
  asDecline,
  classifyStripeFailure,
  isAnotherState,
  type StripeFailure,
  unreadable,
} from './stripe-errors.ts';

export interface StripeOptions {
  secretKey: string;
  /** Where the API is, without `/v1`; Stripe's own by default. */
  apiBase?: string | undefined;
  /** From a request to the last byte of its answer; some calls make up to three requests. */
  timeoutMs: number;
}

/** Stripe behind our interface. Requests that make something carry a key of ours, derived from our ids. */
export function stripeGateway({ secretKey, apiBase, timeoutMs }: StripeOptions): PaymentGateway {
  const stripe = new Stripe(secretKey, {
    ...endpoint(apiBase),
    // On `fetch` the SDK's time-out ends the whole request, body included, where on node:http it is
    // of the idle socket only, which an answer that drips passes for ever. The SDK also
    // repeats no request on a closed connection there.
    httpClient: Stripe.createFetchHttpClient((url, init) =>
      fetch(url, { ...init, redirect: 'manual' }),
    ),
    timeout: timeoutMs,
    // The policy retries, with its own backoff and on record.
    maxNetworkRetries: 0,
    telemetry: false,
  });

  const classify = (error: unknown) =>
    error instanceof ProviderError
      ? error
      : classifyStripeFailure(error as StripeFailure, timeoutMs, new Date());

  const call = async <T>(request: () => Promise<T>): Promise<T> => {
    try {
      return await request();
    } catch (error) {
      throw classify(error);
    }
  };

  /**
   * For requests that do no harm when done twice. Stripe replays a stored failure for as long as the
   * key lives, and refuses the key with other parameters (the card was changed since): the request is
   * then made anew, without the key.
   */
  const keyed = <T>(
    key: string,
    request: (options: Stripe.RequestOptions) => Promise<T>,
  ): Promise<T> =>
    call(() => request({ idempotencyKey: key })).catch((error: ProviderError) => {
      if (error.code !== 'replayed_500' && error.code !== 'idempotency_error') throw error;
      return call(() => request({}));
    });

  /** The PaymentMethod to charge: a token (`tok_…`, from older forms) is made one first. */
  async function methodFor(request: {
    donationId: string;
    paymentMethod: string;
  }): Promise<string> {
    const { donationId, paymentMethod } = request;
    if (!paymentMethod.startsWith('tok_')) return paymentMethod;
    const method = await keyed(`method:${donationId}`, (options) =>
      stripe.paymentMethods.create({ type: 'card', card: { token: paymentMethod } }, options),
    );
    expectKind(method, 'payment_method');
    return method.id;
  }

  async function retrievePayment(id: string): Promise<PaymentState> {
    return toState(
      await call(() => stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] })),
    );
  }

  return {
    async createPayment(request) {
      const params = toIntent(request, await methodFor(request));
      const intent = await keyed(`payment:${request.donationId}`, (options) =>
        stripe.paymentIntents.create(params, options),
      );
      expectKind(intent, 'payment_intent');
      return { paymentIntentId: intent.id, requestId: intent.lastResponse?.requestId };
    },

    async confirmPayment(id) {
      try {
        return toState(
          await stripe.paymentIntents.confirm(id, {
            // Nobody is at a browser: a card that needs one is declined.
            error_on_requires_action: true,
            expand: ['latest_charge'],
          }),
        );
      } catch (error) {
        const declined = asDecline(error as StripeFailure);
        if (declined) return { ...declined, paymentIntentId: id };
        if (isAnotherState(error as StripeFailure)) return retrievePayment(id);
        throw classify(error);
      }
    },

    retrievePayment,

    async cancelPayment(id) {
      try {
        return toState(
          await stripe.paymentIntents.cancel(id, {
            cancellation_reason: 'abandoned',
            expand: ['latest_charge'],
          }),
        );
      } catch (error) {
        if (isAnotherState(error as StripeFailure)) return retrievePayment(id);
        throw classify(error);
      }
    },

    async createCustomer(donor) {
      const { id, name, email } = donor;
      // The key may have been pruned since a first try: look before making anew. (A list is
      // consistent at once, a search is not. A donor without an address cannot be listed.)
      if (email !== undefined) {
        const list = await call(() => stripe.customers.list({ email, limit: 100 }));
        if (!Array.isArray(list.data)) throw unreadable();
        const known = list.data.find(({ metadata }) => metadata?.donor_id === id);
        if (known) return { customerId: known.id, requestId: list.lastResponse?.requestId };
      }
      const customer = await keyed(`customer:${id}`, (options) =>
        stripe.customers.create(
          { name, ...(email === undefined ? {} : { email }), metadata: { donor_id: id } },
          options,
        ),
      );
      expectKind(customer, 'customer');
      return { customerId: customer.id, requestId: customer.lastResponse?.requestId };
    },

    async attachCard({ donationId, paymentMethodId, customerId }) {
      const attach = keyed(`attach:${donationId}`, (options) =>
        stripe.paymentMethods.attach(paymentMethodId, { customer: customerId }, options),
      );
      const method = await attach.catch(async (error: ProviderError) => {
        if (error.httpStatus !== 400) throw error;
        // Perhaps it is attached already, by a try whose answer was lost.
        const attached = await call(() => stripe.paymentMethods.retrieve(paymentMethodId));
        if (idOf(attached.customer) !== customerId) throw error;
        return attached;
      });
      expectKind(method, 'payment_method');
      const customer = await keyed(`default:${donationId}`, (options) =>
        stripe.customers.update(
          customerId,
          { invoice_settings: { default_payment_method: paymentMethodId } },
          options,
        ),
      );
      expectKind(customer, 'customer');
      return { card: toCard(method.card), requestId: customer.lastResponse?.requestId };
    },

    async ping(need = 'payments') {
      const list = await call(
        (): Promise<Stripe.Response<Stripe.ApiList<{ livemode: boolean }>>> =>
          need === 'payments'
            ? stripe.paymentIntents.list({ limit: 1 })
            : stripe.customers.list({ limit: 1 }),
      );
      if (!Array.isArray(list.data)) throw unreadable();
      // On `fetch` it is that one's Response, whatever the SDK's types say.
      const response = list.lastResponse as unknown as Response | undefined;
      const date = response?.headers.get('date');
      return {
        // An account without payments: the key's prefix says the same.
        livemode: list.data[0]?.livemode ?? /^[rs]k_live_/.test(secretKey),
        serverTime: date ? new Date(date) : undefined,
      };
    },
  };
}

/**
 * The event that a webhook carries, if the webhook is Stripe's own: signed with this endpoint's
 * secret no more than five minutes ago. https://docs.stripe.com/webhooks#verify-official-libraries
 *
 * @param rawBody as it came, byte for byte.
 * @returns undefined when it is not; `event` is undefined when it is signed and yet no event.
 */
export function verifyStripeEvent(
  secret: string,
  rawBody: Buffer,
  header: string | string[] | undefined,
): { event: unknown } | undefined {
  if (typeof header !== 'string') return undefined;
  try {
    return { event: Stripe.webhooks.constructEvent(rawBody, header, secret) };
  } catch (error) {
    if (error instanceof Stripe.errors.StripeSignatureVerificationError) return undefined;
    // Not JSON, or a thin event of API v2, which we do not subscribe to.
    return { event: undefined };
  }
}

function endpoint(apiBase: string | undefined) {
  if (!apiBase) return {};
  const { protocol, hostname, port } = new URL(apiBase);
  const scheme = protocol === 'http:' ? 'http' : 'https';
  return {
    protocol: scheme,
    host: hostname,
    port: port || (scheme === 'http' ? '80' : '443'),
  } as const;
}

function toIntent(
  { donationId, amount, description }: PaymentRequest,
  paymentMethod: string,
): Stripe.PaymentIntentCreateParams {
  return {
    amount: Number(amount.minor),
    currency: amount.currency,
    payment_method: paymentMethod,
    // Without it the card could not be attached to a customer after the charge.
    setup_future_usage: 'off_session',
    automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
    description,
    metadata: { donation_id: donationId },
  };
}

function toState(intent: Stripe.PaymentIntent & Partial<WithResponse>): PaymentState {
  expectKind(intent, 'payment_intent');
  const common = { paymentIntentId: intent.id, requestId: intent.lastResponse?.requestId };
  switch (intent.status) {
    case 'succeeded': {
      const charge = typeof intent.latest_charge === 'object' ? intent.latest_charge : null;
      return {
        ...common,
        status: 'succeeded',
        paymentMethodId: idOf(intent.payment_method) ?? charge?.payment_method ?? '',
        card: toCard(charge?.payment_method_details?.card),
        refundedMinor: BigInt(charge?.amount_refunded ?? 0),
      };
    }
    case 'requires_payment_method': {
      // We create every intent with a payment method, and Stripe takes it away when it is declined.
      const error = intent.last_payment_error;
      return {
        ...common,
        status: 'declined',
        declineCode: error?.decline_code || error?.code || intent.status,
        message: maskText(error?.message ?? `the payment is ${intent.status}`),
      };
    }
    case 'requires_confirmation':
      return { ...common, status: 'unconfirmed' };
    case 'requires_action':
      return { ...common, status: 'requires_action' };
    case 'canceled':
      return { ...common, status: 'canceled' };
    default:
      // A status that we do not know is not settled.
      return { ...common, status: 'processing' };
  }
}

/** The SDK takes any JSON without an `error` for success, whatever its status. */
function expectKind<K extends string>(value: { object: K } & Partial<WithResponse>, kind: K): void {
  if (value.object !== kind) throw unreadable(value.lastResponse?.requestId);
}

interface WithResponse {
  lastResponse: { requestId: string };
}

const idOf = (reference: string | { id: string } | null): string | undefined =>
  typeof reference === 'string' ? reference : reference?.id;

interface StripeCard {
  brand?: string | null;
  last4?: string | null;
  exp_month?: number;
  exp_year?: number;
}

function toCard(card: StripeCard | null | undefined): Card | undefined {
  if (!card?.brand || !card.last4 || !card.exp_month || !card.exp_year) return undefined;
  return { brand: card.brand, last4: card.last4, expMonth: card.exp_month, expYear: card.exp_year };
}
