import { listIncidents } from '../alerts/incidents.ts';
import type { Db } from '../db/database.ts';
import { readWithin } from '../db/read.ts';
import { queueStats } from '../queue/read/stats.ts';
import { listWorkers } from '../queue/run/workers.ts';

/** A measurement of the queue: a number for each combination of labels. */
export interface QueueGauge {
  name: 'jobs' | 'oldest_ready_seconds' | 'task_paused' | 'workers_alive' | 'incidents_open';
  labels: Record<string, string>;
  value: number;
}

/** @returns undefined when the queue cannot be read. */
export type QueueLook = () => Promise<QueueGauge[] | undefined>;

/** However many ask, the database is asked no more often than this. */
const CACHED_MS = 5000;
const LOOK_MS = 2000;
const WINDOW_MS = 5 * 60_000;
const INCIDENTS_BOUND = 1000;
/** Jobs are counted up to this number. */
export const JOBS_BOUND = 10_000;
const STATES = ['ready', 'running', 'scheduled', 'retrying', 'failed', 'held'] as const;

/** Measures the queue that all workers share. */
export function createQueueLook(db: Db): QueueLook {
  const read = () =>
    readWithin(db, LOOK_MS, async (tx) => ({
      stats: await queueStats(tx, WINDOW_MS, { jobs: JOBS_BOUND, attempts: 1000 }),
      workers: await listWorkers(tx),
      open: await listIncidents(tx, { limit: INCIDENTS_BOUND }),
    }));
  let looked: Promise<QueueGauge[] | undefined> | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (!looked || performance.now() - lookedAt > CACHED_MS) {
      lookedAt = performance.now();
      looked = read().then(toGauges, () => undefined);
    }
    return looked;
  };
}

interface Found {
  stats: Awaited<ReturnType<typeof queueStats>>;
  workers: Awaited<ReturnType<typeof listWorkers>>;
  open: Awaited<ReturnType<typeof listIncidents>>;
}

function toGauges({ stats, workers, open }: Found): QueueGauge[] {
  const { tasks, pauses, at } = stats;
  const gauge = (
    name: QueueGauge['name'],
    labels: QueueGauge['labels'],
    value: number,
  ): QueueGauge => ({ name, labels, value });
  return [
    ...tasks.flatMap((row) =>
      STATES.map((state) => gauge('jobs', { task: row.task, state }, row[state])),
    ),
    ...tasks.map(({ task, oldestReady }) => {
      const waitMs = oldestReady ? at.getTime() - oldestReady.getTime() : 0;
      return gauge('oldest_ready_seconds', { task }, Math.max(0, waitMs) / 1000);
    }),
    ...pauses.map(({ task, cause }) => gauge('task_paused', { task, cause }, 1)),
    gauge('workers_alive', {}, workers.filter(({ state }) => state === 'alive').length),
    ...['warning', 'critical'].map((level) =>
      gauge('incidents_open', { level }, open.filter((each) => each.level === level).length),
    ),
  ];
}
