/** What goes wrong on purpose with one provider. Shares are from 0 to 1, times in milliseconds. */
export interface Faults {
  /** Answers take this long, at random between the two. */
  latencyMs?: [number, number];
  /** Connections are cut before anything is done, until then (milliseconds since 1970). */
  downUntil?: number;
  /** 503 until then. */
  unavailableUntil?: number;
  /** 429 beyond this many requests a second. */
  rateLimit?: number;
  /** Done, and never answered. */
  timeouts?: number;
  /** Not done, and never answered. */
  hangs?: number;
  /** Cut before anything is done. */
  resetBeforeProcessing?: number;
  /** Done, then cut. */
  resetAfterProcessing?: number;
  /** 500, not done (Stripe keeps it under the idempotency key). */
  errors?: number;
  /** Done, then 500. */
  errorsAfterProcessing?: number;
  /** Done, answered with half a body. */
  truncated?: number;
  /** An HTML error page (502) in place of the answer; not done. */
  html?: number;
  /** Done, answered a byte at a time. */
  drip?: number;
  /** 409, as if another request of the same key were under way (Stripe). */
  conflicts?: number;
  /** 401 for every request. */
  unauthorized?: boolean;
  /** 403 for every request. */
  forbidden?: boolean;
}

export type Provider = 'stripe' | 'sendgrid';

export const PROVIDERS: Provider[] = ['stripe', 'sendgrid'];

/** What happens to one request. */
export type Fate =
  | { kind: 'normal' }
  | { kind: 'cut' }
  | { kind: 'hang' }
  | { kind: 'refuse'; status: 401 | 403 | 409 | 429 | 503 }
  | { kind: 'html' }
  | { kind: 'error' }
  /** Done first; then this becomes of the answer. */
  | { kind: 'done_then'; then: 'hang' | 'cut' | 'error' | 'truncate' | 'drip' };

const BEFORE: [keyof Faults, Fate][] = [
  ['resetBeforeProcessing', { kind: 'cut' }],
  ['hangs', { kind: 'hang' }],
  ['html', { kind: 'html' }],
  ['conflicts', { kind: 'refuse', status: 409 }],
  ['errors', { kind: 'error' }],
  ['timeouts', { kind: 'done_then', then: 'hang' }],
  ['resetAfterProcessing', { kind: 'done_then', then: 'cut' }],
  ['errorsAfterProcessing', { kind: 'done_then', then: 'error' }],
  ['truncated', { kind: 'done_then', then: 'truncate' }],
  ['drip', { kind: 'done_then', then: 'drip' }],
];

/**
 * Decides what happens to a request. Outages and refusals are for every request; the shares are of
 * those that change something (POST), one draw for all of them, so that they add up.
 */
export function drawFate(
  faults: Faults,
  request: { method: string; now: number; requestsThisSecond: number; random: number },
): Fate {
  if ((faults.downUntil ?? 0) > request.now) return { kind: 'cut' };
  if ((faults.unavailableUntil ?? 0) > request.now) return { kind: 'refuse', status: 503 };
  if (faults.unauthorized) return { kind: 'refuse', status: 401 };
  if (faults.forbidden) return { kind: 'refuse', status: 403 };
  if (faults.rateLimit !== undefined && request.requestsThisSecond > faults.rateLimit) {
    return { kind: 'refuse', status: 429 };
  }
  if (request.method !== 'POST') return { kind: 'normal' };
  let edge = 0;
  for (const [name, fate] of BEFORE) {
    edge += (faults[name] as number | undefined) ?? 0;
    if (request.random < edge) return fate;
  }
  return { kind: 'normal' };
}

/** Random numbers that come again from the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
