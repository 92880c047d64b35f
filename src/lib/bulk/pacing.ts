import type { Outcomes, Pacing, Stop } from './change.ts';

/** Rows of one transaction at most. */
export const CHUNK = 4000;

export const INTERRUPTED: Stop = {
  code: 'interrupted',
  message: 'stopped: the same command does the rest.',
};

/** As fast as is good for Postgres, until the signal: it writes one chunk while it looks for another. */
export function atFullSpeed(signal: AbortSignal): Pacing {
  let stopped: Stop | undefined;
  const outcomes: Outcomes = { succeeded: 0, failed: 0, pending: 0 };
  return {
    atOnce: 2,
    outcomes,
    get stopped() {
      return stopped;
    },
    async next() {
      if (signal.aborted) stopped = INTERRUPTED;
      return stopped ? 0 : CHUNK;
    },
  };
}
