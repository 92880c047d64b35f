/**
 * Runs many small pieces of work as few large ones: while batches are under way the next one
 * gathers. No timers, so a lone item waits for nobody.
 *
 * @param run does a whole batch and returns a result for each item, in order; if it throws, every
 *   item of the batch gets the error.
 * @param atOnce how many batches may be under way: more wait less, and are smaller.
 */
export function groupCommit<Item, Result>(
  run: (items: Item[]) => Promise<Result[]>,
  { maxItems = 500, atOnce = 2 } = {},
): (item: Item) => Promise<Result> {
  let waiting: {
    item: Item;
    resolve: (result: Result) => void;
    reject: (error: unknown) => void;
  }[] = [];
  let busy = 0;

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
    busy -= 1;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (busy >= atOnce) return;
      busy += 1;
      // Let everything that is ready in this turn of the event loop join.
      setImmediate(drain);
    });
}
