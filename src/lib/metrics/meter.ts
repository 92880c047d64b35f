import type { AroundCall, ProviderCall } from '../providers/around-calls.ts';
import { ProviderError } from '../providers/errors.ts';
import type { AttemptRow } from '../queue/run/attempt.ts';

/** One attempt of a job that ended, as far as it is measured. */
type MeasuredAttempt = Pick<AttemptRow, 'task' | 'outcome' | 'duration_ms' | 'latency_ms'>;

export interface MeasuredCall extends ProviderCall {
  /** `ok`, or the class of its error. */
  outcome: string;
  durationMs: number;
}

/** Counts and times what one worker does. */
export interface Meter {
  attempt(attempt: MeasuredAttempt): void;
  providerCall(call: MeasuredCall): void;
}

/** From the quick answer of a provider to its time limit, in seconds. */
export const DURATIONS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Jobs may wait longer than they run, in seconds. */
export const LATENCIES = [0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600];

/** One meter that passes everything on to these; undefined without any. */
export function combineMeters(meters: Meter[]): Meter | undefined {
  if (meters.length === 0) return undefined;
  return {
    attempt: (attempt) => {
      for (const meter of meters) meter.attempt(attempt);
    },
    providerCall: (call) => {
      for (const meter of meters) meter.providerCall(call);
    },
  };
}

/** Times each call of a provider. */
export const measuredCalls =
  (meter: Meter): AroundCall =>
  async (call, work) => {
    const began = performance.now();
    const end = (outcome: string) =>
      meter.providerCall({ ...call, outcome, durationMs: performance.now() - began });
    try {
      const result = await work();
      end('ok');
      return result;
    } catch (error) {
      end(error instanceof ProviderError ? error.errorClass : 'internal');
      throw error;
    }
  };
