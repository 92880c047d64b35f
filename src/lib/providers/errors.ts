/**
 * What a failed provider call means for us, whichever provider it was.
 * The gateways decide the class, src/lib/queue/policy.ts decides what follows from it.
 */
export type ErrorClass =
  /** Not done, and likely to work later: refused, DNS, 503; or any ambiguous answer to an idempotent call. */
  | 'transient'
  /** Not done: told to slow down (429). */
  | 'rate_limited'
  /** Not done, and the same call will never work: bad request, invalid address, missing resource. */
  | 'permanent'
  /** May or may not have been done, and asking again could do it twice. */
  | 'unknown_outcome'
  /** Not done: our key or account is refused (401, 403). No job of this task can work until it is mended. */
  | 'misconfigured';

export interface ProviderErrorDetails {
  provider: 'stripe' | 'sendgrid';
  errorClass: ErrorClass;
  /** One line for people, without secrets, mail bodies or addresses. */
  message: string;
  /** The provider's or the socket's own code: `card_declined`, `ECONNREFUSED`, `deadline`. */
  code?: string | undefined;
  httpStatus?: number | undefined;
  /** Stripe's `Request-Id`; SendGrid's `X-Message-Id` or `X-Request-Id`. */
  requestId?: string | undefined;
  /** Milliseconds the provider asked us to wait. */
  retryAfterMs?: number | undefined;
  /** True when the provider itself seems down (refused, DNS, time-out, 5xx): counts towards the circuit. */
  providerDown?: boolean | undefined;
}

/** A provider call that did not do what was asked. Safe to log: it never holds the request or the SDK's error. */
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
