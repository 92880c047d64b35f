/** The content of `error` in Stripe's answer. https://docs.stripe.com/api/errors */
export interface StripeErrorBody {
  type: 'api_error' | 'card_error' | 'idempotency_error' | 'invalid_request_error';
  message: string;
  code?: string | undefined;
  decline_code?: string | undefined;
  param?: string | undefined;
  doc_url?: string | undefined;
  charge?: string | undefined;
  payment_intent?: unknown;
  payment_method?: unknown;
}

/** An error answer of the double. */
export class StripeFailure extends Error {
  override name = 'StripeFailure';
  readonly status: number;
  readonly body: StripeErrorBody;
  /**
   * True when the parameters were refused before the endpoint ran; such an answer is not stored
   * under the idempotency key.
   */
  readonly unexecuted: boolean;

  constructor(status: number, body: StripeErrorBody, unexecuted = false) {
    super(body.message);
    this.status = status;
    this.body = body.code
      ? {
          ...body,
          doc_url: `https://stripe.com/docs/error-codes/${body.code.replaceAll('_', '-')}`,
        }
      : body;
    this.unexecuted = unexecuted;
  }
}

/** An invalid parameter; the endpoint did not run. */
export const invalidParameter = (message: string, param?: string, code?: string) =>
  new StripeFailure(400, { type: 'invalid_request_error', message, param, code }, true);

/** The endpoint ran and refused the operation. */
export const refused = (message: string, param?: string, code?: string) =>
  new StripeFailure(400, { type: 'invalid_request_error', message, param, code });

/** The object that a parameter (400) or the path (404) names does not exist. */
export const missing = (what: string, id: string, param: string, status: 400 | 404) =>
  new StripeFailure(status, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    message: `No such ${what}: '${id}'`,
    param,
  });
