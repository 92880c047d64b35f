/** The lowest rate of calls. */
const SLOWEST_PER_SECOND = 0.5;
/** The share of the accepted rate that is kept after a refusal. */
const KEPT = 0.7;
/** The growth of the rate per second: soon after a refusal, and long after it. */
const GROWTH = 0.02;
const GROWTH_LATER = 0.1;
const LATER_MS = 20_000;
/** Further refusals within this time are of calls that were already under way, and are ignored. */
const DEAF_MS = 1000;
/** After this time without a refusal the limit is removed. */
const FORGOTTEN_MS = 120_000;

/**
 * The rate at which one worker calls a provider for one task after a 429. It starts below the rate
 * that was accepted and grows until the next 429. Each worker finds its own share this way. Times
 * are in milliseconds of a monotonic clock.
 */
export class Throttle {
  #perSecond: number;
  /** When the next call may start. */
  #next: number;
  #grownAt: number;
  #refusedAt: number;

  /** @param taken how many calls the provider accepted in the last second. */
  constructor(now: number, taken: number) {
    this.#perSecond = Math.max(SLOWEST_PER_SECOND, taken * KEPT);
    this.#next = now;
    this.#grownAt = now;
    this.#refusedAt = now;
  }

  get perSecond(): number {
    return this.#perSecond;
  }

  /** Records a refused call. */
  refused(now: number): void {
    if (now - this.#refusedAt >= DEAF_MS)
      this.#perSecond = Math.max(SLOWEST_PER_SECOND, this.#perSecond * KEPT);
    this.#refusedAt = now;
    this.#grownAt = now;
  }

  /** Whether there was no refusal for so long that the limit can be removed. */
  isForgotten(now: number): boolean {
    return now - this.#refusedAt > FORGOTTEN_MS;
  }

  /** Milliseconds until the next call may start. */
  waitMs(now: number): number {
    return Math.max(0, this.#next - now);
  }

  /** Takes the next turn. */
  take(now: number): void {
    const seconds = (now - this.#grownAt) / 1000;
    const growth = now - this.#refusedAt > LATER_MS ? GROWTH_LATER : GROWTH;
    this.#perSecond *= (1 + growth) ** Math.min(seconds, 10);
    this.#grownAt = now;
    this.#next = Math.max(now, this.#next) + 1000 / this.#perSecond;
  }
}
