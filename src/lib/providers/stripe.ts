import Stripe from 'stripe';
import { maskText } from '../mask.ts';
import { DeadlineError, isCertificateCode, NOT_SENT_CODES, retryAfterMs, withDeadline } from './deadline.ts';
import { ProviderError, type ProviderErrorDetails } from './errors.ts';
import type { Card, ChargeResult, PaymentGateway } from './payments.ts';

export interface StripeOptions {
  secretKey: string;
  apiBase?: string | undefined;
  timeoutMs: number;
}

// How soon to ask again while another request of the same key is under way.
const IN_FLIGHT_RETRY_MS = 1000;

/** Stripe behind our interface. Every request that changes something carries a key of ours. */
export function stripeGateway({ secretKey, apiBase, timeoutMs }: StripeOptions): PaymentGateway {
  const stripe = new Stripe(secretKey, {
    ...endpoint(apiBase),
    timeout: timeoutMs,
    // The policy retries, with its own backoff and on record.
    maxNetworkRetries: 0,
    telemetry: false,
  });

  const call = async <T>(request: () => Promise<T>): Promise<T> => {
    try {
      return await withDeadline(timeoutMs, request);
    } catch (error) {
      throw classify(error, timeoutMs);
    }
  };

  return {
    async charge(request) {
      try {
        const intent = await withDeadline(timeoutMs, () =>
          stripe.paymentIntents.create(
            {
              amount: Number(request.amount.minor),
              currency: request.amount.currency,
              payment_method: request.paymentMethod,
              confirm: true,
              // Without it the card could not be attached to a customer after the charge.
              setup_future_usage: 'off_session',
              automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
              // Nobody is at a browser: what needs one is a decline.
              error_on_requires_action: true,
              description: request.description,
              metadata: { donation_id: request.donationId },
              expand: ['latest_charge'],
            },
            { idempotencyKey: request.idempotencyKey },
          ),
        );
        return toResult(intent, intent.lastResponse.requestId);
      } catch (error) {
        const declined = asDecline(error);
        if (declined) return declined;
        throw classify(error, timeoutMs);
      }
    },

    findCharge: (donationId, from, to) =>
      call(async () => {
        const created = { gte: Math.floor(from.getTime() / 1000), lte: Math.ceil(to.getTime() / 1000) };
        let found: ChargeResult | undefined;
        const list = stripe.paymentIntents.list({ created, limit: 100, expand: ['data.latest_charge'] });
        for await (const intent of list) {
          if (intent.metadata.donation_id !== donationId) continue;
          const result = toResult(intent, undefined);
          if (result.status === 'succeeded') return result;
          found ??= result;
        }
        return found;
      }),

    createCustomer: (donor) =>
      call(async () => {
        // The key may have been pruned since a first try: look before making anew. (A list is
        // consistent at once, a search is not.)
        for await (const customer of stripe.customers.list({ email: donor.email, limit: 100 })) {
          if (customer.metadata.donor_id === donor.id) return { customerId: customer.id, requestId: undefined };
        }
        const customer = await stripe.customers.create(
          { name: donor.name, email: donor.email, metadata: { donor_id: donor.id } },
          { idempotencyKey: `customer:${donor.id}` },
        );
        return { customerId: customer.id, requestId: customer.lastResponse.requestId };
      }),

    attachCard: ({ donationId, paymentMethodId, customerId }) =>
      call(async () => {
        const method = await attach(stripe, donationId, paymentMethodId, customerId);
        const customer = await stripe.customers.update(
          customerId,
          { invoice_settings: { default_payment_method: paymentMethodId } },
          { idempotencyKey: `default:${donationId}` },
        );
        return { card: toCard(method.card), requestId: customer.lastResponse.requestId };
      }),

    ping: () =>
      call(async () => {
        const balance = await stripe.balance.retrieve();
        const { date } = balance.lastResponse.headers;
        return { livemode: balance.livemode, serverTime: date ? new Date(date) : undefined };
      }),
  };
}

async function attach(
  stripe: Stripe,
  donationId: string,
  paymentMethodId: string,
  customerId: string,
): Promise<Stripe.PaymentMethod> {
  try {
    return await stripe.paymentMethods.attach(
      paymentMethodId,
      { customer: customerId },
      { idempotencyKey: `attach:${donationId}` },
    );
  } catch (error) {
    if ((error as Partial<Stripe.errors.StripeError>).statusCode !== 400) throw error;
    // Perhaps it is attached already, by a try whose answer was lost.
    const method = await stripe.paymentMethods.retrieve(paymentMethodId);
    const owner = typeof method.customer === 'string' ? method.customer : method.customer?.id;
    if (owner === customerId) return method;
    throw error;
  }
}

function endpoint(apiBase: string | undefined) {
  if (!apiBase) return {};
  const { protocol, hostname, port } = new URL(apiBase);
  const scheme = protocol === 'http:' ? 'http' : 'https';
  return { protocol: scheme, host: hostname, port: port || (scheme === 'http' ? '80' : '443') } as const;
}

function toResult(intent: Stripe.PaymentIntent, requestId: string | undefined): ChargeResult {
  const charge = typeof intent.latest_charge === 'object' ? intent.latest_charge : null;
  const methodId =
    typeof intent.payment_method === 'string' ? intent.payment_method : intent.payment_method?.id;
  switch (intent.status) {
    case 'succeeded':
    case 'requires_capture':
      return {
        status: 'succeeded',
        paymentIntentId: intent.id,
        paymentMethodId: methodId ?? '',
        card: toCard(charge?.payment_method_details?.card),
        requestId,
      };
    case 'processing':
      return { status: 'processing', paymentIntentId: intent.id, requestId };
    case 'requires_action':
    case 'requires_confirmation':
      return { status: 'requires_action', paymentIntentId: intent.id, requestId };
    default: {
      const error = intent.last_payment_error;
      return {
        status: 'declined',
        paymentIntentId: intent.id,
        declineCode: error?.decline_code ?? error?.code ?? intent.status,
        message: maskText(error?.message ?? `the payment is ${intent.status}`),
        requestId,
      };
    }
  }
}

function toCard(
  card:
    | { brand?: string | null; last4?: string | null; exp_month?: number; exp_year?: number }
    | null
    | undefined,
): Card | undefined {
  if (!card?.brand || !card.last4 || !card.exp_month || !card.exp_year) return undefined;
  return { brand: card.brand, last4: card.last4, expMonth: card.exp_month, expYear: card.exp_year };
}

/** A refused card: a definite answer, no money moved. */
function asDecline(error: unknown): ChargeResult | undefined {
  if (!(error instanceof Stripe.errors.StripeError) || error.statusCode !== 402) return undefined;
  return {
    status: 'declined',
    paymentIntentId: error.payment_intent?.id,
    declineCode: error.decline_code || error.code || 'card_declined',
    message: maskText(error.message),
    requestId: error.requestId,
  };
}

/**
 * What a failed request means. Requests that change something carry an idempotency key, so an
 * ambiguous answer is safe to repeat: https://docs.stripe.com/api/idempotent_requests
 */
function classify(error: unknown, timeoutMs: number): ProviderError {
  const fail = (rest: Omit<ProviderErrorDetails, 'provider'>) => new ProviderError({ provider: 'stripe', ...rest });
  if (error instanceof DeadlineError) {
    return fail({
      errorClass: 'transient',
      code: 'timeout',
      providerDown: true,
      message: `Stripe did not answer within ${timeoutMs / 1000} s`,
    });
  }
  // What is not Stripe's own is a bug of ours, and shows its stack.
  if (!(error instanceof Stripe.errors.StripeError)) throw error;
  const { statusCode, code, requestId, rawType } = error;
  const headers = error.headers as Record<string, string> | undefined;
  const details = { httpStatus: statusCode, code, requestId };
  if (statusCode === undefined) return notAnswered(error, fail, timeoutMs);
  if (statusCode === 401 || statusCode === 403) {
    return fail({
      ...details,
      errorClass: 'misconfigured',
      message: `Stripe refused our key or account (${statusCode}): ${maskText(error.message)}`,
    });
  }
  if (statusCode === 429 || code === 'rate_limit') {
    return fail({
      ...details,
      errorClass: 'rate_limited',
      retryAfterMs: retryAfterMs(headers, new Date()),
      message: `Stripe asked us to slow down (${statusCode})`,
    });
  }
  if (statusCode === 409) {
    return fail({
      ...details,
      errorClass: 'transient',
      retryAfterMs: IN_FLIGHT_RETRY_MS,
      message: 'another request with the same idempotency key is under way at Stripe (409)',
    });
  }
  if (rawType === 'idempotency_error') {
    return fail({
      ...details,
      errorClass: 'unknown_outcome',
      code: 'idempotency_error',
      message: `Stripe knows this idempotency key with other parameters: ${maskText(error.message)}`,
    });
  }
  if (statusCode >= 500) {
    const replayed = headers?.['idempotent-replayed'] === 'true';
    return fail({
      ...details,
      errorClass: 'transient',
      providerDown: true,
      code: replayed ? 'replayed_500' : code,
      message: `Stripe failed (${statusCode})${replayed ? ', and repeats that answer' : ''}`,
    });
  }
  return fail({
    ...details,
    errorClass: 'permanent',
    message: `Stripe refused the request (${statusCode}): ${maskText(error.message)}`,
  });
}

function notAnswered(
  error: Stripe.errors.StripeError,
  fail: (rest: Omit<ProviderErrorDetails, 'provider'>) => ProviderError,
  timeoutMs: number,
): ProviderError {
  const cause = error.detail as { code?: string } | string | undefined;
  const code = typeof cause === 'object' ? cause?.code : undefined;
  if (isCertificateCode(code)) {
    return fail({ errorClass: 'misconfigured', code, message: `Stripe's certificate was not accepted (${code})` });
  }
  const message =
    code === 'ETIMEDOUT'
      ? `Stripe did not answer within ${timeoutMs / 1000} s`
      : code && NOT_SENT_CODES.includes(code)
        ? `Stripe cannot be reached (${code})`
        : `the connection to Stripe was lost or its answer cannot be read${code ? ` (${code})` : ''}`;
  return fail({ errorClass: 'transient', code: code ?? 'no_answer', providerDown: true, message });
}
