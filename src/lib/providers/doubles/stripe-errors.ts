import { stripeId } from './state.ts';

/** An error that the double answers with, in Stripe's shape: https://docs.stripe.com/api/errors */
export class StripeDoubleError extends Error {
  readonly status: number;
  readonly fields: Record<string, unknown>;

  constructor(status: number, fields: Record<string, unknown> & { type: string; message: string }) {
    super(fields.message);
    this.status = status;
    this.fields = fields;
  }

  body() {
    return { error: { request_log_url: `https://dashboard.stripe.com/test/logs/${stripeId('req')}`, ...this.fields } };
  }
}

export const invalidRequest = (message: string, extra: Record<string, unknown> = {}, status = 400) =>
  new StripeDoubleError(status, { type: 'invalid_request_error', message, ...extra });

export const noSuch = (what: string, id: string, param = 'id') =>
  invalidRequest(`No such ${what}: '${id}'`, { code: 'resource_missing', param }, 404);
