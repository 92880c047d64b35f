import { maskText } from '../mask.ts';
import { ProviderError, type ProviderErrorDetails } from './errors.ts';
import { retryAfterMs } from './retry-after.ts';
import { socketFault } from './socket-fault.ts';

/**
 * The fields of the SDK's errors that decide. Its classes are not reliable: a 409 is a
 * StripeAPIError.
 */
export interface StripeFailure {
  message?: string;
  /** Undefined when there was no answer, or an unreadable one. */
  statusCode?: number | undefined;
  code?: string | undefined;
  decline_code?: string | undefined;
  /** Stripe's own type: `card_error`, `idempotency_error`. */
  rawType?: string | undefined;
  headers?: Record<string, string> | undefined;
  requestId?: string | undefined;
  payment_intent?: { id: string } | undefined;
}

// The wait while another request with the same key is being processed.
const IN_FLIGHT_RETRY_MS = 1000;

const fail = (details: Omit<ProviderErrorDetails, 'provider'>) =>
  new ProviderError({ provider: 'stripe', ...details });

export interface Decline {
  status: 'declined';
  paymentIntentId: string | undefined;
  declineCode: string;
  message: string;
  requestId: string | undefined;
}

/** A declined card (402): a definite answer, no money moved. Undefined for any other failure. */
export function asDecline(failure: StripeFailure): Decline | undefined {
  if (failure.statusCode !== 402) return undefined;
  return {
    status: 'declined',
    paymentIntentId: failure.payment_intent?.id,
    declineCode: failure.decline_code || failure.code || 'card_declined',
    message: said(failure),
    requestId: failure.requestId,
  };
}

/**
 * True when the PaymentIntent is not in the state that the request needs, or another request holds
 * it. Nothing was done, and the intent must be retrieved. https://docs.stripe.com/error-codes
 */
export const isAnotherState = ({ statusCode, code }: StripeFailure): boolean =>
  code === 'payment_intent_unexpected_state' || code === 'lock_timeout' || statusCode === 409;

/**
 * Classifies a failed request. Every request may be repeated after an ambiguous answer: it has an
 * idempotency key (https://docs.stripe.com/api/idempotent_requests), or it refers to a
 * PaymentIntent, which is charged at most once.
 */
export function classifyStripeFailure(
  failure: StripeFailure,
  timeoutMs: number,
  now: Date,
): ProviderError {
  const { statusCode: status, code, rawType, requestId, headers = {} } = failure;
  if (status === undefined) return noAnswer(failure, timeoutMs);
  const details = { httpStatus: status, code, requestId };
  if (status === 401 || status === 403) {
    const what = status === 401 ? 'the API key' : 'an operation';
    return fail({
      ...details,
      errorClass: 'misconfigured',
      message: `Stripe refused ${what} (${status}): ${said(failure)}`,
    });
  }
  if (status === 429 || code === 'rate_limit') {
    return fail({
      ...details,
      errorClass: 'rate_limited',
      retryAfterMs: retryAfterMs(headers, now),
      message: `Stripe asks for fewer requests (${status})`,
    });
  }
  if (status === 409) {
    return fail({
      ...details,
      errorClass: 'transient',
      retryAfterMs: IN_FLIGHT_RETRY_MS,
      message: 'Stripe is still processing another request for the same object (409)',
    });
  }
  if (rawType === 'idempotency_error') {
    return fail({
      ...details,
      errorClass: 'unknown_outcome',
      code: 'idempotency_error',
      message: `Stripe has this idempotency key with other parameters, which is a bug in donations: ${said(failure)}`,
    });
  }
  if (status >= 500) {
    const replayed = headers['idempotent-replayed'] === 'true';
    return fail({
      ...details,
      errorClass: 'transient',
      code: replayed ? 'replayed_500' : code,
      retryAfterMs: retryAfterMs(headers, now),
      // A replayed failure is from the first request and says nothing about Stripe now.
      providerDown: !replayed,
      message: replayed
        ? `Stripe repeats its earlier failure (${status}) for this key`
        : `Stripe failed (${status})`,
    });
  }
  return fail({
    ...details,
    errorClass: 'permanent',
    message: `Stripe refused the request (${status}): ${said(failure)}`,
  });
}

/** The error for an answer that does not come from Stripe: a proxy's page, or a truncated body. */
export function unreadable(requestId?: string): ProviderError {
  return fail({
    errorClass: 'transient',
    code: 'unreadable_answer',
    providerDown: true,
    requestId,
    message: 'the answer does not come from Stripe; check STRIPE_API_BASE and proxies',
  });
}

function noAnswer(failure: StripeFailure, timeoutMs: number): ProviderError {
  const { code, notSent, tls } = socketFault(failure);
  if (tls) {
    return fail({
      errorClass: 'misconfigured',
      code,
      message: `no trusted connection to Stripe could be made (${code})`,
    });
  }
  if (code === undefined) return unreadable(failure.requestId);
  // The SDK's code for its deadline.
  const timedOut = code === 'ETIMEDOUT' && !notSent;
  const what = timedOut
    ? `Stripe did not answer within ${timeoutMs / 1000} s`
    : notSent
      ? `Stripe cannot be reached (${code})`
      : `the connection to Stripe was lost (${code})`;
  return fail({
    errorClass: 'transient',
    code: timedOut ? 'deadline' : code,
    providerDown: true,
    requestId: failure.requestId,
    message: what,
  });
}

const said = ({ message }: StripeFailure) =>
  maskText(message ?? '').slice(0, 300) || 'no reason given';
