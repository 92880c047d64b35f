import { expect, it } from 'vitest';
import { Throttle } from '../../src/lib/queue/run/throttle.ts';

/**
 * A provider with a bucket that accepts `limit` calls a second, and a caller that always has a
 * call.
 */
function simulate(limit: number, seconds: number, { at = 0, taken = 0 } = {}) {
  let tokens = 0;
  let refused = 0;
  let accepted = 0;
  let restUntil = 0;
  const throttle = new Throttle(at, taken);
  const STEP_MS = 5;
  for (let now = at; now < at + seconds * 1000; now += STEP_MS) {
    tokens = Math.min(Math.max(1, limit), tokens + (limit * STEP_MS) / 1000);
    if (now < restUntil || throttle.waitMs(now) > 0) continue;
    throttle.take(now);
    if (tokens >= 1) {
      tokens -= 1;
      accepted += 1;
    } else {
      refused += 1;
      throttle.refused(now);
      restUntil = now + 1000;
    }
  }
  return { refused, accepted, throttle };
}

it.each([1, 3, 10, 100])('asks a provider that takes %i/s hardly more often than that', (limit) => {
  const { refused, accepted } = simulate(limit, 300, { taken: limit });
  expect(refused).toBeLessThan(0.1 * accepted + 10);
  expect(accepted).toBeGreaterThan(0.6 * limit * 300);
});

it('starts below the accepted rate, and above zero', () => {
  expect(new Throttle(0, 100).perSecond).toBe(70);
  expect(new Throttle(0, 0).perSecond).toBeGreaterThan(0);
});

it('counts refusals of calls that were under way as one', () => {
  const throttle = new Throttle(0, 100);
  for (let i = 0; i < 25; i++) throttle.refused(i * 10);
  expect(throttle.perSecond).toBe(70);
  throttle.refused(5000);
  expect(throttle.perSecond).toBeCloseTo(49);
});

it('is forgotten when nothing was refused for long', () => {
  const throttle = new Throttle(0, 1);
  throttle.refused(60_000);
  expect(throttle.isForgotten(120_000)).toBe(false);
  expect(throttle.isForgotten(181_000)).toBe(true);
});
