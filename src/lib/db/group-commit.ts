/** How items gather for a batch. */
export interface Gathering {
  /** The largest batch. */
  maxItems?: number;
  /** A batch of this many items starts as soon as the previous one has ended. */
  enough?: number;
  /**
   * The start of a smaller batch is at least this many milliseconds after the start of the previous
   * one. An item that comes alone starts at once.
   */
  gapMs?: number;
}

/**
 * How a worker's claims and records gather: under load, fewer and larger statements cost Postgres and
 * the worker less for each job.
 */
export const GATHERING: Gathering = { enough: 25, gapMs: 8 };

/**
 * Combines many small pieces of work into few large ones. While one batch is running, the next one
 * collects items.
 * @param run processes a whole batch and returns one result for each item, in order. If it throws,
 *    every item of the batch fails with that error.
 */
export function groupCommit<Item, Result>(
  run: (items: Item[]) => Promise<Result[]>,
  { maxItems = 500, enough = 1, gapMs = 0 }: Gathering = {},
): (item: Item) => Promise<Result> {
  let waiting: {
    item: Item;
    resolve: (result: Result) => void;
    reject: (error: unknown) => void;
  }[] = [];
  let running = false;
  /** Set while a batch waits for its start. */
  let start: { cancel: () => void; atOnce: boolean } | undefined;
  let startedAt = Number.NEGATIVE_INFINITY;

  async function runBatch(): Promise<void> {
    start = undefined;
    running = true;
    startedAt = performance.now();
    const batch = waiting.slice(0, maxItems);
    waiting = waiting.slice(maxItems);
    try {
      const results = await run(batch.map((entry) => entry.item));
      batch.forEach((entry, i) => {
        entry.resolve(results[i] as Result);
      });
    } catch (error) {
      for (const entry of batch) entry.reject(error);
    }
    running = false;
    plan();
  }

  function plan(): void {
    if (running || waiting.length === 0 || start?.atOnce) return;
    const waitMs = waiting.length >= enough ? 0 : startedAt + gapMs - performance.now();
    if (waitMs > 0) {
      if (start) return;
      const timer = setTimeout(runBatch, waitMs);
      start = { cancel: () => clearTimeout(timer), atOnce: false };
      return;
    }
    start?.cancel();
    // Lets everything that is ready in this turn of the event loop join the batch.
    setImmediate(runBatch);
    start = { cancel: () => {}, atOnce: true };
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      plan();
    });
}
