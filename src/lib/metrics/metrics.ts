import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { listIncidents } from '../alerts/incidents.ts';
import type { Db } from '../db/database.ts';
import { readWithin } from '../db/read.ts';
import { queueStats } from '../queue/read/stats.ts';
import type { AttemptRow } from '../queue/run/attempt.ts';
import { listWorkers } from '../queue/run/workers.ts';

/** One attempt, as far as it is measured. */
type MeasuredAttempt = Pick<AttemptRow, 'task' | 'outcome' | 'duration_ms' | 'latency_ms'>;

export interface Metrics {
  contentType: string;
  /** Counts an attempt of this worker. */
  attempt(attempt: MeasuredAttempt): void;
  /** Everything, in Prometheus's text format. Works without the database, too. */
  scrape(): Promise<string>;
}

/** However many scrape, the database is asked no more often than this. */
const CACHED_MS = 5000;
const LOOK_MS = 2000;
const WINDOW_MS = 5 * 60_000;
const BOUNDS = { jobs: 10_000, attempts: 1000 };
const INCIDENTS_BOUND = 1000;

/** From the quick answer of a provider to its time limit; waits last longer. */
const DURATIONS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const LATENCIES = [0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600];

const STATES = ['ready', 'running', 'scheduled', 'retrying', 'failed', 'held'] as const;

/** The metrics of one worker: what it did itself, and the queue that all share. */
export function createMetrics({
  db,
  version,
  mode,
}: {
  db: Db;
  version: string;
  mode: string;
}): Metrics {
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
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers });
  const up = gauge('donations_queue_up', '1 when the queue could be read, 0 when not.');
  const jobs = gauge(
    'donations_jobs',
    `Jobs of all workers by state, counted up to ${BOUNDS.jobs}.`,
    ['task', 'state'],
  );
  const oldest = gauge(
    'donations_oldest_ready_seconds',
    'How long the job has been due that waits longest.',
    ['task'],
  );
  const paused = gauge('donations_task_paused', '1 while a task is paused.', ['task', 'cause']);
  const workers = gauge('donations_workers_alive', 'Workers that are heard.');
  const incidents = gauge('donations_incidents_open', 'Open incidents.', ['level']);

  const read = () =>
    readWithin(db, LOOK_MS, async (tx) => ({
      stats: await queueStats(tx, WINDOW_MS, BOUNDS),
      alive: (await listWorkers(tx)).filter(({ state }) => state === 'alive').length,
      open: await listIncidents(tx, { limit: INCIDENTS_BOUND }),
    }));

  const look = async () => {
    const found = await read().catch(() => undefined);
    for (const each of [jobs, oldest, paused, incidents]) each.reset();
    up.set(found ? 1 : 0);
    if (!found) {
      // An old number would look like a present one.
      workers.remove();
      return;
    }
    const { stats, alive, open } = found;
    for (const row of stats.tasks) {
      for (const state of STATES) jobs.set({ task: row.task, state }, row[state]);
      const waitMs = row.oldestReady ? stats.at.getTime() - row.oldestReady.getTime() : 0;
      oldest.set({ task: row.task }, Math.max(0, waitMs) / 1000);
    }
    for (const { task, cause } of stats.pauses) paused.set({ task, cause }, 1);
    workers.set(alive);
    for (const level of ['warning', 'critical'])
      incidents.set({ level }, open.filter((incident) => incident.level === level).length);
  };

  let looked: Promise<void> | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;
  return {
    contentType: registry.contentType,
    attempt({ task, outcome, duration_ms, latency_ms }) {
      attempts.inc({ task, outcome });
      duration.observe({ task, outcome }, duration_ms / 1000);
      latency.observe({ task }, latency_ms / 1000);
    },
    async scrape() {
      if (!looked || performance.now() - lookedAt > CACHED_MS) {
        lookedAt = performance.now();
        looked = look();
      }
      await looked;
      return registry.metrics();
    },
  };
}
