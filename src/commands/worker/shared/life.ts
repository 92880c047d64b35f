import { hostname } from 'node:os';
import type { Meter } from '../../../lib/metrics/meter.ts';
import { chosenFormat, fieldsOf, type OutputOptions } from '../../../lib/output/render.ts';
import type { Context } from '../../context.ts';
import { refuseCsv } from '../../shared/watch.ts';
import { writeLife } from '../../shared/write-result.ts';

export const LIFE_FIELDS = fieldsOf(
  ...(['worker', 'status', 'host', 'pid', 'version', 'concurrency', 'tasks'] as const),
  ...(['metrics_url', 'attempts', 'succeeded', 'retried', 'failed', 'held'] as const),
);

interface Facts {
  worker: string;
  concurrency: number;
  tasks: string[];
  metrics_url: string | undefined;
}

/** What `worker start --json` writes: the worker when it has started, and what it did when it ends. */
export interface LifeReport {
  /** Counts its attempts. */
  meters: Meter[];
  started(facts: Facts): void;
  ended(): void;
}

/** @throws UserError `usage` for CSV, which has one header for all its lines. */
export function reportLife({ io, version }: Context, options: OutputOptions): LifeReport {
  refuseCsv(options, 'worker start');
  const counts = { attempts: 0, succeeded: 0, retried: 0, failed: 0, held: 0 };
  let facts: Facts | undefined;
  const write = (status: 'running' | 'stopped') => {
    if (!facts) return;
    const where = { host: hostname(), pid: process.pid, version };
    writeLife(io, options, LIFE_FIELDS, { ...facts, status, ...where, ...counts });
  };
  const meter: Meter = {
    attempt({ outcome }) {
      counts.attempts += 1;
      // A declined card is an answer.
      if (outcome === 'succeeded' || outcome === 'declined') counts.succeeded += 1;
      else if (outcome === 'failed' || outcome === 'held') counts[outcome] += 1;
      else counts.retried += 1;
    },
    providerCall() {},
  };
  return {
    meters: chosenFormat(options).format === 'table' ? [] : [meter],
    started(given) {
      facts = given;
      write('running');
    },
    ended: () => write('stopped'),
  };
}
