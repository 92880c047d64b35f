import type { LocalStore } from '../../local/sqlite.ts';
import type { SandboxAnswer, SandboxRequest } from './http.ts';
import { stripeId } from './state.ts';
import { StripeDoubleError } from './stripe-errors.ts';

const MAX_KEY = 255;

/**
 * Stripe's idempotency keys: https://docs.stripe.com/api/idempotent_requests and
 * https://docs.stripe.com/error-low-level. The first answer is replayed, errors and 500s included;
 * what was refused before it ran (validation, limits, conflicts) is not kept.
 */
export class IdempotencyKeys {
  readonly #store: LocalStore;
  readonly #now: () => number;
  readonly #inFlight = new Set<string>();

  constructor(store: LocalStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** Runs a request once for its key. `work` may take a while: others of the same key are refused meanwhile. */
  async once(request: SandboxRequest, work: () => Promise<SandboxAnswer>): Promise<SandboxAnswer> {
    const key = request.headers['idempotency-key'];
    if (request.method !== 'POST' || typeof key !== 'string') return finish(await settle(work));
    if (key.length > MAX_KEY) {
      throw new StripeDoubleError(400, { type: 'invalid_request_error', message: `Idempotency keys are at most ${MAX_KEY} characters.` });
    }
    if (this.#inFlight.has(key)) {
      throw new StripeDoubleError(409, {
        type: 'idempotency_error',
        code: 'idempotency_key_in_use',
        message: 'There is currently another in-progress request using this Idempotent Key.',
      });
    }
    const fingerprint = `${request.path}\n${request.body}`;
    const stored = this.#store.get<{ request: string; status: number; body: string }>(
      'select request, status, body from sandbox_stripe_keys where key = ?',
      key,
    );
    if (stored && stored.request !== fingerprint) {
      throw new StripeDoubleError(400, {
        type: 'idempotency_error',
        message: `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
      });
    }
    if (stored) {
      return finish({ status: stored.status, body: JSON.parse(stored.body), headers: { 'Idempotent-Replayed': 'true', 'Original-Request': stripeId('req') } }, key);
    }
    this.#inFlight.add(key);
    try {
      const answer = await settle(work);
      if (answer.status < 400 || answer.status === 402 || answer.status >= 500) {
        this.#store.run('insert into sandbox_stripe_keys values (?, ?, ?, ?, ?)', key, fingerprint, answer.status, JSON.stringify(answer.body), this.#now());
      }
      return finish(answer, key);
    } finally {
      this.#inFlight.delete(key);
    }
  }
}

/** A refusal is an answer too. */
async function settle(work: () => Promise<SandboxAnswer>): Promise<SandboxAnswer> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof StripeDoubleError)) throw error;
    return { status: error.status, body: error.body() };
  }
}

function finish(answer: SandboxAnswer, key?: string): SandboxAnswer {
  return {
    ...answer,
    headers: { 'Request-Id': stripeId('req'), ...(key ? { 'Idempotency-Key': key } : {}), ...answer.headers },
  };
}
