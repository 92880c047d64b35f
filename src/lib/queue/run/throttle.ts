/** A call is never spaced out further than this. */
const SLOWEST_PER_SECOND = 0.5;
/** What of the rate that the provider has taken is tried after it has refused more. */
const KEPT = 0.7;
/** The share by which the rate grows in a second, and in one that is long after the last refusal. */
const GROWTH = 0.02;
const GROWTH_LATER = 0.1;
const LATER_MS = 20_000;
/** Refusals of calls that were under way when the first came tell nothing new. */
const DEAF_MS = 1000;
/** After so long without a refusal there is no limit any more. */
const FORGOTTEN_MS = 120_000;

/**
 * The rate at which one worker calls a provider for one task after it was told to slow down: less
 * than was taken before, then more and more until it is told again. Each worker finds its own share so. Times are milliseconds
 * of a clock that never steps.
 */
export class Throttle {
  #perSecond: number;
  /** When the next call may begin. */
  #next: number;
  #grownAt: number;
  #refusedAt: number;

  /** @param taken how many calls the provider took in the last second. */
  constructor(now: number, taken: number) {
    this.#perSecond = Math.max(SLOWEST_PER_SECOND, taken * KEPT);
    this.#next = now;
    this.#grownAt = now;
    this.#refusedAt = now;
  }

  get perSecond(): number {
    return this.#perSecond;
  }

  /** The provider has refused a call. */
  refused(now: number): void {
    if (now - this.#refusedAt >= DEAF_MS)
      this.#perSecond = Math.max(SLOWEST_PER_SECOND, this.#perSecond * KEPT);
    this.#refusedAt = now;
    this.#grownAt = now;
  }

  /** No limit was met for so long that there is none. */
  isForgotten(now: number): boolean {
    return now - this.#refusedAt > FORGOTTEN_MS;
  }

  /** Milliseconds until the next call may begin. */
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
