import { StripeFailure } from './stripe-errors.ts';

/**
 * Only one request at a time may change an object.
 * https://docs.stripe.com/rate-limits#object-lock-timeouts
 */
export interface ObjectLocks {
  /**
   * Runs `work` while it holds the object. Stripe waits some seconds for a lock; the double fails
   * at once.
   * @throws StripeFailure 429 `lock_timeout`
   */
  holding<T>(id: string | undefined, work: () => Promise<T>): Promise<T>;
}

export function objectLocks(): ObjectLocks {
  const held = new Set<string>();
  return {
    async holding(id, work) {
      if (id === undefined) return work();
      if (held.has(id)) throw lockTimeout();
      held.add(id);
      try {
        return await work();
      } finally {
        held.delete(id);
      }
    },
  };
}

const lockTimeout = () =>
  new StripeFailure(
    429,
    {
      type: 'invalid_request_error',
      code: 'lock_timeout',
      message:
        'This object cannot be accessed right now because another API request or Stripe process is currently accessing it. If you see this error intermittently, retry the request. If you see this error frequently and are making multiple concurrent requests to a single object, make your requests serially or at a lower rate.',
    },
    true,
  );
