/**
 * Runs many small pieces of work as few large ones: while one batch is under way the next one
 * gathers. No timers, so a lone item waits for nobody.
 *
 * @param run does a whole batch and returns a result for each item, in order; if it throws, every
 *   item of the batch gets the error.
 */
export function groupCommit<Item, Result>(
  run: (items: Item[]) => Promise<Result[]>,
  maxItems = 500,
): (item: Item) => Promise<Result> {
  let waiting: { item: Item; resolve: (result: Result) => void; reject: (error: unknown) => void }[] =
    [];
  let busy = false;

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
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
    }
    busy = false;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (busy) return;
      busy = true;
      // Let everything that is ready in this turn of the event loop join.
      setImmediate(drain);
    });
}
