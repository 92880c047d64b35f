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
  /** The base URL of the API without `/v1`; Stripe's own by default. */
  apiBase?: string | undefined;
  /** From a request to the last byte of its answer. Some calls make up to three requests. */
  timeoutMs: number;
}

/**
 * The payment gateway for Stripe. Requests that create objects have idempotency keys derived from
 * our ids.
 */
export function stripeGateway({ secretKey, apiBase, timeoutMs }: StripeOptions): PaymentGateway {
  const stripe = new Stripe(secretKey, {
    ...endpoint(apiBase),
    // With `fetch`, the SDK's time-out limits the whole request with its body. With node:http it
    // applies to the idle socket, so a slowly dripping answer never reaches it. The SDK also does
    // not repeat requests on closed connections here.
    httpClient: Stripe.createFetchHttpClient((url, init) =>
      fetch(url, { ...init, redirect: 'manual' }),
    ),
    timeout: timeoutMs,
    // The retry policy repeats calls, with its own backoff and ledger.
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
   * For requests that are harmless when done twice. Stripe replays a stored failure while the key
   * lives, and refuses the key with other parameters (for example another card). Then the request
   * is repeated without the key.
   */
  const keyed = <T>(
    key: string,
    request: (options: Stripe.RequestOptions) => Promise<T>,
  ): Promise<T> =>
    call(() => request({ idempotencyKey: key })).catch((error: ProviderError) => {
      if (error.code !== 'replayed_500' && error.code !== 'idempotency_error') throw error;
      return call(() => request({}));
    });

  /** The PaymentMethod to charge. A token (`tok_…`, from older forms) is converted first. */
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
            // The donor is not present: a card that needs authentication is declined.
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
      // The idempotency key may have expired since an earlier try, so look for its Customer first.
      // (A list is consistent at once, a search is not. A donor without an address cannot be
      // listed.)
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
        // An earlier try whose answer was lost may have attached it already.
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
      // With `fetch` this is a Response, although the SDK's types differ.
      const response = list.lastResponse as unknown as Response | undefined;
      const date = response?.headers.get('date');
      return {
        // For an account without payments, the key's prefix has the mode.
        livemode: list.data[0]?.livemode ?? /^[rs]k_live_/.test(secretKey),
        serverTime: date ? new Date(date) : undefined,
      };
    },
  };
}

/**
 * Verifies a webhook and returns its event. The webhook must be signed with this endpoint's secret
 * at most five minutes ago. https://docs.stripe.com/webhooks#verify-official-libraries
 *
 * @param rawBody the unparsed bytes.
 * @returns undefined when the signature is invalid; `event` is undefined when the body is not an
 *   event.
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
    // Required to attach the card to a Customer after the charge.
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
      // We create every intent with a payment method, and Stripe removes it after a decline.
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
      // Statuses that we do not know are treated as not settled.
      return { ...common, status: 'processing' };
  }
}

/** The SDK treats any JSON without an `error` as success, whatever its status. */
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
