import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalStore } from '../local/sqlite.ts';
import type { Answer, Double, SandboxRequest, Trouble } from './double.ts';
import { present, type Result, route, stripeEndpoints, stripeRouter } from './stripe-endpoints.ts';
import { StripeFailure } from './stripe-errors.ts';
import { type IdempotencyKeys, keyInUse, type Outcome } from './stripe-idempotency.ts';
import { objectLocks } from './stripe-locks.ts';
import { type StripeObject, type StripeObjects, stripeId } from './stripe-objects.ts';
import { readParams } from './stripe-params.ts';
import { shown } from './stripe-payment-methods.ts';

/** Called with objects whose change webhooks announce. */
export type StripeListener = (type: string, object: StripeObject) => void;

/** The part of Stripe's API that we use, with the rules that we depend on. */
export function stripeDouble(options: {
  store: LocalStore;
  objects: StripeObjects;
  keys: IdempotencyKeys;
  now: () => number;
  onEvent: StripeListener;
}): Double {
  const { store, objects, keys, now, onEvent } = options;
  const find = stripeRouter(stripeEndpoints(objects, () => Math.floor(now() / 1000)));
  const locks = objectLocks();

  /**
   * Runs the endpoint in one transaction. A decline is committed; any other failure is rolled back.
   */
  function execute(request: SandboxRequest): Outcome {
    const { endpoint, id } = route(find, request);
    const params = readParams(
      request.method === 'GET' ? request.query : request.body,
      endpoint.params,
    );
    let failure: StripeFailure | undefined;
    let body = '';
    store.transaction(() => {
      try {
        const result = endpoint.run(params, id);
        body = JSON.stringify(present(result, params, objects), withoutOurs);
        announce(result, request.method, objects, onEvent);
      } catch (error) {
        if (!(error instanceof StripeFailure && error.status === 402)) throw error;
        failure = error;
        announce(error.body.payment_intent as Result | undefined, request.method, objects, onEvent);
      }
    });
    if (failure) throw failure;
    return { answer: { status: 200, headers: {}, body }, keep: true };
  }

  function work(request: SandboxRequest, error: Trouble['error']): Outcome {
    if (error === 'before') return { answer: internalError(), keep: true };
    let outcome: Outcome;
    try {
      outcome = execute(request);
    } catch (failure) {
      if (!(failure instanceof StripeFailure)) throw failure;
      outcome = { answer: failed(failure), keep: !failure.unexecuted };
    }
    // The work was done, but Stripe stores the 500 that it answered.
    return error === 'after' ? { answer: internalError(), keep: true } : outcome;
  }

  return {
    async handle(request, { latencyMs, error: trouble }) {
      const requestId = stripeId('req');
      let answer: Answer;
      try {
        const account = authenticate(request);
        answer = await keys.once(
          request,
          account,
          requestId,
          (run) =>
            locks.holding(lockedBy(request), async () => {
              if (latencyMs > 0) await sleep(latencyMs);
              return run();
            }),
          () => work(request, trouble),
        );
      } catch (error) {
        if (!(error instanceof StripeFailure)) throw error;
        answer = failed(error);
      }
      return withStripeHeaders(answer, requestId, request);
    },
    refuse(refusal, retryAfterMs) {
      const answer = {
        unauthorized: () => failed(new StripeFailure(401, invalidKey('sk_test_******fault'))),
        forbidden: () =>
          failed(
            new StripeFailure(403, {
              type: 'invalid_request_error',
              message: 'The provided key does not have the required permissions for this endpoint.',
            }),
          ),
        conflicts: () => failed(keyInUse()),
        unavailable: () =>
          failed(
            new StripeFailure(503, {
              type: 'api_error',
              message: 'Stripe is temporarily unavailable.',
            }),
          ),
        rateLimited: () => rateLimited(retryAfterMs),
      }[refusal]();
      return withStripeHeaders(answer, stripeId('req'), undefined);
    },
  };
}

/** The account of the key. @throws StripeFailure 401 */
function authenticate({ headers }: SandboxRequest): string {
  const [scheme = '', credentials = ''] = (headers.authorization ?? '').split(' ');
  const key =
    scheme.toLowerCase() === 'basic'
      ? (Buffer.from(credentials, 'base64').toString().split(':')[0] ?? '')
      : credentials;
  const match = /^(?:sk|rk)_test_(.+)$/.exec(key);
  if (match?.[1]) return match[1];
  throw new StripeFailure(
    401,
    key
      ? invalidKey(`${key.slice(0, 8)}${'*'.repeat(8)}${key.slice(-4)}`)
      : {
          type: 'invalid_request_error',
          message:
            "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        },
    true,
  );
}

const invalidKey = (masked: string) => ({
  type: 'invalid_request_error' as const,
  message: `Invalid API Key provided: ${masked}`,
});

/** The PaymentIntent that a request changes, which is locked meanwhile. */
function lockedBy({ method, path }: SandboxRequest): string | undefined {
  const [, , resource, id] = path.split('/');
  return method === 'POST' && resource === 'payment_intents' && id ? id : undefined;
}

/** A JSON replacer that removes the double's own fields. */
function withoutOurs(_key: string, value: unknown): unknown {
  const isMethod = (value as StripeObject | null)?.object === 'payment_method';
  return isMethod ? shown(value as StripeObject) : value;
}

const EVENT_OF: Record<string, string> = {
  succeeded: 'payment_intent.succeeded',
  requires_payment_method: 'payment_intent.payment_failed',
  requires_action: 'payment_intent.requires_action',
  canceled: 'payment_intent.canceled',
};

/** Announces changed objects to the webhooks. */
function announce(
  result: Result | undefined,
  method: string,
  objects: StripeObjects,
  onEvent: StripeListener,
): void {
  if (!result || method !== 'POST') return;
  const object = result as StripeObject;
  if (object.object === 'refund') {
    onEvent('charge.refunded', objects.get('charge', object.charge as string) as StripeObject);
  }
  if (object.object === 'payment_method' && object.customer) {
    onEvent('payment_method.attached', shown(object));
  }
  if (object.object !== 'payment_intent') return;
  const untried = object.status === 'requires_payment_method' && object.last_payment_error === null;
  const type = EVENT_OF[object.status as string];
  if (type && !untried) onEvent(type, object);
}

/** Formats a Stripe failure as an answer. */
function failed({ status, body }: StripeFailure): Answer {
  return { status, headers: {}, body: JSON.stringify({ error: body }, withoutOurs) };
}

const internalError = () =>
  failed(
    new StripeFailure(500, {
      type: 'api_error',
      message: 'An unknown error occurred (a fault injected into the sandbox).',
    }),
  );

function rateLimited(retryAfterMs: number): Answer {
  const answer = failed(
    new StripeFailure(429, {
      type: 'invalid_request_error',
      code: 'rate_limit',
      message:
        'Request rate limit exceeded. You can learn more about rate limits here https://stripe.com/docs/rate-limits.',
    }),
  );
  answer.headers['Retry-After'] = String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
  answer.headers['Stripe-Rate-Limited-Reason'] = 'global-rate';
  return answer;
}

function withStripeHeaders(
  answer: Answer,
  requestId: string,
  request: SandboxRequest | undefined,
): Answer {
  const key = request?.headers['idempotency-key'];
  const version = request?.headers['stripe-version'];
  return {
    ...answer,
    headers: {
      'Content-Type': 'application/json',
      'Request-Id': requestId,
      ...(typeof key === 'string' ? { 'Idempotency-Key': key } : {}),
      ...(typeof version === 'string' ? { 'Stripe-Version': version } : {}),
      // https://docs.stripe.com/error-low-level: Stripe tells client libraries whether to retry
      // when it is certain.
      ...(answer.status === 409 ? { 'Stripe-Should-Retry': 'true' } : {}),
      ...(answer.status === 400 || answer.status === 402 ? { 'Stripe-Should-Retry': 'false' } : {}),
      ...answer.headers,
    },
  };
}
