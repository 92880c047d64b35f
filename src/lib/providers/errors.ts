/**
 * The class of a failed provider call, the same for all providers. The gateways assign it;
 * src/lib/queue/policy.ts decides what follows.
 */
export type ErrorClass =
  /**
   * Not done, and likely to succeed later: refused, DNS, 503; or an ambiguous answer to an
   * idempotent call.
   */
  | 'transient'
  /** Not done: too many requests (429). */
  | 'rate_limited'
  /**
   * Not done, and the same call will never succeed: bad request, invalid address, missing resource.
   */
  | 'permanent'
  /** May have been done, and repeating it could do it twice. */
  | 'unknown_outcome'
  /**
   * Not done: our key or account is refused (401, 403). No job of this task can succeed until that
   * is fixed.
   */
  | 'misconfigured';

export interface ProviderErrorDetails {
  provider: 'stripe' | 'sendgrid';
  errorClass: ErrorClass;
  /** One line for people, without secrets, mail bodies or addresses. */
  message: string;
  /** The code of the provider or the socket: `card_declined`, `ECONNREFUSED`, `deadline`. */
  code?: string | undefined;
  httpStatus?: number | undefined;
  /** Stripe's `Request-Id`; SendGrid's `X-Message-Id` or `X-Request-Id`. */
  requestId?: string | undefined;
  /** The wait in milliseconds that the provider asks for. */
  retryAfterMs?: number | undefined;
  /**
   * True when the provider itself seems unavailable (refused, DNS, time-out, 5xx). Counts towards
   * the circuit breaker.
   */
  providerDown?: boolean | undefined;
}

/** A failed provider call. Safe to log: it contains neither the request nor the SDK's error. */
export class ProviderError extends Error {
  override name = 'ProviderError';
  readonly provider: 'stripe' | 'sendgrid';
  readonly errorClass: ErrorClass;
  readonly code: string | undefined;
  readonly httpStatus: number | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly providerDown: boolean;

  constructor(details: ProviderErrorDetails) {
    super(details.message);
    this.provider = details.provider;
    this.errorClass = details.errorClass;
    this.code = details.code;
    this.httpStatus = details.httpStatus;
    this.requestId = details.requestId;
    this.retryAfterMs = details.retryAfterMs;
    this.providerDown = details.providerDown ?? false;
  }
}
