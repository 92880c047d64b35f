import { createHash } from 'node:crypto';
import type { LocalStore } from '../local/sqlite.ts';
import type { Answer, SandboxRequest } from './double.ts';
import { invalidParameter, StripeFailure } from './stripe-errors.ts';

const MAX_KEY_LENGTH = 255;
/**
 * Stripe may delete keys of this age, and the double does.
 * https://docs.stripe.com/api/idempotent_requests
 */
const KEY_LIFE_MS = 24 * 60 * 60 * 1000;

/** The answer of a request, and whether Stripe stores it under the key. */
export interface Outcome {
  answer: Answer;
  keep: boolean;
}

export interface IdempotencyKeys {
  /**
   * Runs a request once for its key, and replays its first answer after that.
   * @param around calls `run` when it is time; the key is in use meanwhile
   * @param run its effects and its answer are stored in one transaction
   * @throws StripeFailure for other parameters under a used key, or while the first request is
   *   running
   */
  once(
    request: SandboxRequest,
    account: string,
    requestId: string,
    around: (run: () => Answer) => Promise<Answer>,
    run: () => Outcome,
  ): Promise<Answer>;
  /** Deletes keys of at least this age, as Stripe may after a day. Returns how many. */
  expire(olderThanMs: number): number;
}

/**
 * Stripe's idempotency keys of each account: https://docs.stripe.com/api/idempotent_requests. The
 * first status and body are replayed, 500s included; refused parameters, 429 and conflicts are not
 * stored.
 */
export function idempotencyKeys(store: LocalStore, now: () => number): IdempotencyKeys {
  const inFlight = new Set<string>();

  const kept = (account: string, key: string) =>
    store.get<{ fingerprint: string; request_id: string; status: number; body: string }>(
      'select fingerprint, request_id, status, body from stripe_keys where account = ? and key = ? and created_ms > ?',
      account,
      key,
      now() - KEY_LIFE_MS,
    );

  return {
    async once(request, account, requestId, around, run) {
      const key = request.headers['idempotency-key'];
      if (typeof key !== 'string' || request.method !== 'POST') {
        return around(() => run().answer);
      }
      if (key.length > MAX_KEY_LENGTH) {
        throw invalidParameter(
          `The 'Idempotency-Key' header is too long: it has ${key.length} characters and may have ${MAX_KEY_LENGTH}.`,
        );
      }
      const fingerprint = fingerprintOf(request);
      const held = `${account}\n${key}`;
      if (inFlight.has(held)) throw keyInUse();
      const first = kept(account, key);
      if (first && first.fingerprint !== fingerprint) throw keyReused(key);
      if (first) {
        return {
          status: first.status,
          headers: { 'Idempotent-Replayed': 'true', 'Original-Request': first.request_id },
          body: first.body,
        };
      }
      inFlight.add(held);
      try {
        const runAndKeep = () => {
          const { answer, keep } = run();
          if (keep) {
            store.run(
              `insert or replace into stripe_keys (account, key, fingerprint, created_ms, request_id, status, body)
               values (?, ?, ?, ?, ?, ?, ?)`,
              account,
              key,
              fingerprint,
              now(),
              requestId,
              answer.status,
              answer.body,
            );
          }
          return answer;
        };
        return await around(() => store.transaction(runAndKeep));
      } finally {
        inFlight.delete(held);
      }
    },
    expire: (olderThanMs) =>
      store.run('delete from stripe_keys where created_ms <= ?', now() - olderThanMs).changes,
  };
}

/** A digest of path and parameters, independent of their order. */
function fingerprintOf({ path, body }: SandboxRequest): string {
  const text = `${path}\n${body.split('&').sort().join('&')}`;
  return createHash('sha256').update(text).digest('base64');
}

/** 409: the first request with this key is still running (or a fault pretends so). */
export const keyInUse = () =>
  new StripeFailure(
    409,
    {
      type: 'idempotency_error',
      code: 'idempotency_key_in_use',
      message:
        'There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through). Please try again later.',
    },
    true,
  );

const keyReused = (key: string) =>
  new StripeFailure(
    400,
    {
      type: 'idempotency_error',
      message: `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
    },
    true,
  );
