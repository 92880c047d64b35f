/**
 * Runs recurring work of a worker, one run at a time and at most every `everyMs` milliseconds.
 *
 * @param onError hears of a failed run; the next one comes in its turn.
 * @returns a function that runs the work if it is due. It never rejects.
 */
export function inTurn({
  everyMs,
  isStopping,
  work,
  onError,
}: {
  everyMs: number;
  /** Whether the worker is stopping; then nothing is started. */
  isStopping: () => boolean;
  work: () => Promise<void>;
  onError: (error: Error) => void;
}): () => Promise<void> {
  let dueAt = Number.NEGATIVE_INFINITY;
  let isRunning = false;
  return async () => {
    if (isRunning || isStopping() || performance.now() < dueAt) return;
    dueAt = performance.now() + everyMs;
    isRunning = true;
    try {
      await work();
    } catch (error) {
      onError(error as Error);
    } finally {
      isRunning = false;
    }
  };
}
