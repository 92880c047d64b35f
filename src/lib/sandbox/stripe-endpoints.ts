import { type Router, router } from '../http/router.ts';
import type { SandboxRequest } from './double.ts';
import { CUSTOMER_PARAMS, createCustomer, updateCustomer } from './stripe-customers.ts';
import { invalidParameter, missing, StripeFailure } from './stripe-errors.ts';
import {
  expand,
  type StripeKind,
  type StripeObject,
  type StripeObjects,
} from './stripe-objects.ts';
import { group, integer, type ParamSpec, type StripeParams, text } from './stripe-params.ts';
import {
  CANCEL_PARAMS,
  CONFIRM_PARAMS,
  cancelIntent,
  confirmIntent,
  createIntent,
  INTENT_PARAMS,
} from './stripe-payment-intents.ts';
import {
  ATTACH_PARAMS,
  attach,
  createMethod,
  PAYMENT_METHOD_DATA,
} from './stripe-payment-methods.ts';
import { createRefund, REFUND_PARAMS } from './stripe-refunds.ts';

/** The result of an endpoint: an object, to which `expand` applies, or another JSON value. */
export type Result = StripeObject | { object: string; [field: string]: unknown };

export interface Endpoint {
  /** `POST /v1/payment_intents/:id/confirm` */
  route: string;
  params: ParamSpec;
  run(params: StripeParams, id: string): Result;
}

const LIST: ParamSpec = { limit: 'text', starting_after: 'text' };
const CREATED: ParamSpec = { gt: 'text', gte: 'text', lt: 'text', lte: 'text' };

/** All endpoints of the double. `now` is in seconds, like Stripe's times. */
export function stripeEndpoints(objects: StripeObjects, now: () => number): Endpoint[] {
  const retrieve = (kind: StripeKind, what: string, param: string): Endpoint['run'] => {
    return (_params, id) => {
      const found = objects.get(kind, id);
      if (!found) throw missing(what, id, param, 404);
      return found;
    };
  };
  const list = (kind: StripeKind, url: string): Endpoint['run'] => {
    return (params) => {
      const limit = integer(params, 'limit') ?? 10;
      if (limit < 1 || limit > 100) {
        throw invalidParameter(
          'This value must be between 1 and 100.',
          'limit',
          'parameter_invalid_integer',
        );
      }
      const startingAfter = text(params, 'starting_after');
      if (startingAfter && !objects.get(kind, startingAfter)) {
        throw missing(kind, startingAfter, 'starting_after', 400);
      }
      const created: { gt?: number; gte?: number; lt?: number; lte?: number } = {};
      for (const bound of ['gt', 'gte', 'lt', 'lte'] as const) {
        const value = integer(group(params, 'created'), bound);
        if (value !== undefined) created[bound] = value;
      }
      const customer = text(params, 'customer');
      const email = text(params, 'email');
      const { data, hasMore } = objects.list({
        kind,
        created,
        customer,
        email,
        startingAfter,
        limit,
      });
      return { object: 'list', url, has_more: hasMore, data };
    };
  };
  return [
    {
      route: 'POST /v1/payment_intents',
      params: INTENT_PARAMS,
      run: (params) => createIntent(params, objects, now()),
    },
    {
      route: 'GET /v1/payment_intents',
      params: { ...LIST, created: CREATED, customer: 'text' },
      run: list('payment_intent', '/v1/payment_intents'),
    },
    {
      route: 'GET /v1/payment_intents/:id',
      params: {},
      run: retrieve('payment_intent', 'payment_intent', 'intent'),
    },
    {
      route: 'POST /v1/payment_intents/:id/confirm',
      params: CONFIRM_PARAMS,
      run: (params, id) => confirmIntent(id, params, objects, now()),
    },
    {
      route: 'POST /v1/payment_intents/:id/cancel',
      params: CANCEL_PARAMS,
      run: (params, id) => cancelIntent(id, params, objects, now()),
    },
    {
      route: 'POST /v1/refunds',
      params: REFUND_PARAMS,
      run: (params) => createRefund(params, objects, now()),
    },
    { route: 'GET /v1/refunds/:id', params: {}, run: retrieve('refund', 'refund', 'id') },
    { route: 'GET /v1/charges/:id', params: {}, run: retrieve('charge', 'charge', 'id') },
    {
      route: 'POST /v1/customers',
      params: CUSTOMER_PARAMS,
      run: (params) => createCustomer(params, objects, now()),
    },
    {
      route: 'GET /v1/customers',
      params: { ...LIST, created: CREATED, email: 'text' },
      run: list('customer', '/v1/customers'),
    },
    { route: 'GET /v1/customers/:id', params: {}, run: retrieve('customer', 'customer', 'id') },
    {
      route: 'POST /v1/customers/:id',
      params: CUSTOMER_PARAMS,
      run: (params, id) => updateCustomer(id, params, objects),
    },
    {
      route: 'POST /v1/payment_methods',
      params: PAYMENT_METHOD_DATA,
      run: (params) => createMethod(params, objects, now()),
    },
    {
      route: 'GET /v1/payment_methods',
      params: { ...LIST, customer: 'text', type: 'text' },
      run: list('payment_method', '/v1/payment_methods'),
    },
    {
      route: 'GET /v1/payment_methods/:id',
      params: {},
      run: retrieve('payment_method', 'PaymentMethod', 'payment_method'),
    },
    {
      route: 'POST /v1/payment_methods/:id/attach',
      params: ATTACH_PARAMS,
      run: (params, id) => attach(id, params, objects, now()),
    },
    {
      route: 'GET /v1/balance',
      params: {},
      run: () => ({
        object: 'balance',
        available: [{ amount: 0, currency: 'usd' }],
        livemode: false,
        pending: [],
      }),
    },
    {
      route: 'GET /v1/account',
      params: {},
      run: () => ({
        object: 'account',
        id: 'acct_sandbox',
        charges_enabled: true,
        country: 'US',
        default_currency: 'usd',
      }),
    },
  ];
}

/** Finds an endpoint by its route. */
export const stripeRouter = (endpoints: Endpoint[]): Router<Endpoint> =>
  router(endpoints.map((endpoint) => [endpoint.route, endpoint] as const));

/** The endpoint for a request, and the `:id` in its path. @throws StripeFailure 404 */
export function route(
  find: Router<Endpoint>,
  { method, path }: SandboxRequest,
): { endpoint: Endpoint; id: string } {
  const found = find(method, path);
  if (!found || 'allow' in found) {
    throw new StripeFailure(
      404,
      { type: 'invalid_request_error', message: `Unrecognized request URL (${method}: ${path}).` },
      true,
    );
  }
  return { endpoint: found.value, id: found.params[0] ?? '' };
}

/** The result with the fields in `expand` replaced by their objects. */
export function present(result: Result, params: StripeParams, objects: StripeObjects): Result {
  const paths = (params.expand ?? []) as string[];
  if (paths.length === 0) return result;
  if (result.object === 'list') {
    const inner = paths.map((path) => {
      if (path.startsWith('data.')) return path.slice('data.'.length);
      throw invalidParameter(`This property cannot be expanded (${path}).`, 'expand');
    });
    const data = (result.data as StripeObject[]).map((object) => expand(object, inner, objects));
    return { ...result, data };
  }
  return expand(result as StripeObject, paths, objects);
}
