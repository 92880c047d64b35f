import type { Outcomes, Pacing, Stop } from './change.ts';

/** The most rows in one transaction. */
export const CHUNK = 4000;
/** Small, because the other chunks wait for the first one: their audit entries refer to its entry. */
const FIRST_CHUNK = 500;

export const INTERRUPTED: Stop = {
  code: 'interrupted',
  message: 'stopped: run the same command again for the rest.',
};

/** Runs at full speed until the signal: one chunk is written while the next is selected. */
export function atFullSpeed(signal: AbortSignal): Pacing {
  let stopped: Stop | undefined;
  const outcomes: Outcomes = { succeeded: 0, failed: 0, pending: 0 };
  return {
    atOnce: 2,
    outcomes,
    get stopped() {
      return stopped;
    },
    async next(last) {
      if (signal.aborted) stopped = INTERRUPTED;
      if (stopped) return 0;
      return last === undefined ? FIRST_CHUNK : CHUNK;
    },
  };
}
