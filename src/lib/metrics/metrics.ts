import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Db } from '../db/database.ts';
import { DURATIONS, LATENCIES, type Meter } from './meter.ts';
import { JOBS_BOUND, type QueueGauge, type QueueLook } from './queue-look.ts';

export interface Metrics extends Meter {
  contentType: string;
  /** Everything, in Prometheus's text format. Works without the database, too. */
  scrape(): Promise<string>;
}

const QUEUE_GAUGES: Record<QueueGauge['name'], { help: string; labelNames: string[] }> = {
  jobs: {
    help: `Jobs of all workers by state, counted up to ${JOBS_BOUND}.`,
    labelNames: ['task', 'state'],
  },
  oldest_ready_seconds: {
    help: 'How long the job has been due that waits longest.',
    labelNames: ['task'],
  },
  task_paused: { help: '1 while a task is paused.', labelNames: ['task', 'cause'] },
  workers_alive: { help: 'Workers that are heard.', labelNames: [] },
  incidents_open: { help: 'Open incidents.', labelNames: ['level'] },
};

export interface MetricsOptions {
  db: Pick<Db, 'connections'>;
  queue: QueueLook;
  version: string;
  mode: string;
}

/** The metrics of one worker: what it did itself, and the queue that all share. */
export function createMetrics({ db, queue, version, mode }: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'donations_build_info',
    help: 'The version of donations, and whether money is real.',
    labelNames: ['version', 'mode'],
    registers,
  }).set({ version, mode }, 1);
  const attempts = new Counter({
    name: 'donations_attempts_total',
    help: 'Attempts that ended on this worker, by what came of them.',
    labelNames: ['task', 'outcome'],
    registers,
  });
  const duration = new Histogram({
    name: 'donations_attempt_duration_seconds',
    help: 'How long attempts took on this worker.',
    labelNames: ['task', 'outcome'],
    buckets: DURATIONS,
    registers,
  });
  const latency = new Histogram({
    name: 'donations_attempt_latency_seconds',
    help: 'How long jobs had been due when this worker began them.',
    labelNames: ['task'],
    buckets: LATENCIES,
    registers,
  });
  const calls = new Histogram({
    name: 'donations_provider_call_duration_seconds',
    help: 'How long calls of providers took on this worker, by operation and class of error.',
    labelNames: ['provider', 'operation', 'outcome'],
    buckets: DURATIONS,
    registers,
  });
  new Gauge({
    name: 'donations_db_connections',
    help: 'Connections of this worker to Postgres, and queries that wait for one.',
    labelNames: ['state'],
    registers,
    collect() {
      const { idle, busy, waiting } = db.connections();
      this.set({ state: 'idle' }, idle);
      this.set({ state: 'busy' }, busy);
      this.set({ state: 'waiting' }, waiting);
    },
  });
  const up = new Gauge({
    name: 'donations_queue_up',
    help: '1 when the queue could be read, 0 when not.',
    registers,
  });
  const gauges = new Map(
    Object.entries(QUEUE_GAUGES).map(([name, { help, labelNames }]) => [
      name,
      new Gauge({ name: `donations_${name}`, help, labelNames, registers }),
    ]),
  );
  const show = (found: QueueGauge[] | undefined) => {
    up.set(found ? 1 : 0);
    for (const [name, gauge] of gauges) {
      // An old number would look like a present one. A gauge without labels is reset to 0.
      gauge.reset();
      if (QUEUE_GAUGES[name as QueueGauge['name']].labelNames.length === 0) gauge.remove();
    }
    for (const { name, labels, value } of found ?? []) gauges.get(name)?.set(labels, value);
  };
  let shown: QueueGauge[] | undefined | null = null;
  return {
    contentType: registry.contentType,
    attempt({ task, outcome, duration_ms, latency_ms }) {
      attempts.inc({ task, outcome });
      duration.observe({ task, outcome }, duration_ms / 1000);
      latency.observe({ task }, latency_ms / 1000);
    },
    providerCall({ provider, operation, outcome, durationMs }) {
      calls.observe({ provider, operation, outcome }, durationMs / 1000);
    },
    async scrape() {
      const found = await queue();
      if (found !== shown) show(found);
      shown = found;
      return registry.metrics();
    },
  };
}
