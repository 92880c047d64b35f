import { EventEmitter } from 'node:events';
import {
  type CronItem,
  Logger,
  parseCronItems,
  type RunnerOptions,
  run,
  runOnce,
  type Task,
  type WorkerEvents,
  type WorkerPool,
} from 'graphile-worker';
import pg from 'pg';
import { Client, connectionSettings } from '../../db/client.ts';
import { isPassing } from '../../db/connection-error.ts';

export interface PoolOptions {
  databaseUrl: string;
  /** The URL of Postgres itself when `databaseUrl` leads to a pooler in transaction mode. */
  databaseDirectUrl?: string | undefined;
  /** True when `databaseUrl` leads to Postgres itself. */
  isPostgresItself?: boolean;
  applicationName: string;
  /**
   * The number of concurrent provider calls. More jobs than that run; the others wait for Postgres
   * or for a slot.
   */
  concurrency: number;
  /** How many jobs run for each slot; 1 by default. */
  jobsPerSlot?: number;
  tasks: Record<string, Task>;
  crontab: CronItem[];
  /**
   * The flags of jobs that must not be claimed now; null for none, which allows batched fetching.
   * While the promise is pending nothing is claimed.
   */
  forbiddenFlags: () => string[] | null | Promise<string[] | null>;
  /** Called with Graphile Worker's id of the pool. No job is claimed until it resolves. */
  onPool: (poolId: string) => Promise<void>;
  onTrouble: (level: 'warning' | 'error', message: string) => void;
}

export interface RunningPool {
  /** Resolves when the pool has ended; rejects if it ended with an error. */
  ended: Promise<void>;
  /** Finishes running jobs, and returns claimed ones that have not started. */
  stop(): Promise<void>;
}

const POLL_MS = 1000;
// Jobs fetched at once. They are locked while they wait locally, so the number is small enough to
// share the queue with other workers.
const LOCAL_QUEUE_PER_SLOT = 10;
// How long fetched jobs may wait before they are returned. Graphile Worker skips jobs of paused
// tasks only when it fetches, so a pause can delay other jobs by this time.
const LOCAL_QUEUE_TTL_MS = 2000;
// A job whose result is recorded stays locked for this long, so that many are removed at once.
const COMPLETE_BATCH_MS = 5;
// Running jobs are not aborted: stopping waits for a send that has started. Providers have
// deadlines.
const ABORT_MS = 600_000;
// Its statements take milliseconds, even with a million jobs.
const STATEMENT_MS = 5000;
const IDLE_IN_TRANSACTION_MS = 10_000;

/**
 * Starts Graphile Worker.
 * @param once end when no job is due any more.
 */
export async function startPool(options: PoolOptions, { once = false } = {}): Promise<RunningPool> {
  const connections = openConnections(options);
  const events = new EventEmitter() as WorkerEvents;
  // Boxed, because a pool is a promise of its own end, which must not be awaited here.
  const created = new Promise<{ pool: WorkerPool }>((resolve) => {
    events.on('pool:create', ({ workerPool }) => resolve({ pool: workerPool }));
  });
  // Graphile Worker chooses the id of the pool itself and claims jobs at once. A lock under an id
  // that is not registered could not be released after a crash. So no connection is handed out
  // before the id is registered. If that fails, the pool ends and the next one tries again.
  const refused = new Promise<never>((_, reject) => {
    events.on('pool:create', ({ workerPool }) => {
      const onRecord = options.onPool(workerPool.id);
      onRecord.catch((error) => {
        reject(error);
        Promise.resolve(workerPool.gracefulShutdown('not on record')).catch(() => {});
      });
      connections.holdUntil(onRecord);
    });
  });
  refused.catch(() => {});
  const settings = { ...poolSettings(options), pgPool: connections.pool, events };

  const running = once ? runOnce(settings) : runOn(settings, options.crontab);
  const ended = Promise.race([running, refused]).finally(() => connections.end());
  const { pool } = await Promise.race([created, ended.then(() => created)]);
  return {
    ended,
    async stop() {
      await pool.gracefulShutdown('asked to stop');
      await ended;
    },
  };
}

/**
 * Handles promises that no code awaits. When Postgres becomes unavailable, Graphile Worker 0.17
 * leaves such promises (of its shutdown and of its local queue), and they would end the process.
 * The pool's own promise reports the failure. Any other unhandled rejection is a bug and ends the
 * process.
 *
 * @returns a function that removes the handler. Call it after the pools have ended, because such a
 *   promise can reject later.
 */
export function watchStrayFailures(onTrouble: PoolOptions['onTrouble']): () => void {
  const listener = (error: unknown) => {
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    if (!isPassing(error) && !stack.includes('graphile-worker')) throw error;
    onTrouble('warning', (error as Error).message);
  };
  process.on('unhandledRejection', listener);
  return () => process.off('unhandledRejection', listener);
}

async function runOn(settings: RunnerOptions, crontab: CronItem[]): Promise<void> {
  const runner = await run({ ...settings, parsedCronItems: parseCronItems(crontab) });
  return runner.promise;
}

function poolSettings(options: PoolOptions): RunnerOptions {
  return {
    concurrency: options.concurrency * (options.jobsPerSlot ?? 1),
    taskList: options.tasks,
    noHandleSignals: true,
    pollInterval: POLL_MS,
    // A pooler prepares a statement on one server connection; the next query may run on another.
    noPreparedStatements: options.databaseDirectUrl !== undefined,
    forbiddenFlags: options.forbiddenFlags,
    logger: new Logger(() => (level, message, meta) => {
      // Failed jobs are logged where the policy is applied. Graphile Worker also warns that each
      // job needs a connection; jobs that wait for a slot need none.
      const wanted = meta !== undefined && 'concurrency' in meta && 'max' in meta;
      if ((level === 'error' || level === 'warning') && !meta?.failure && !wanted)
        options.onTrouble(level, message);
    }),
    preset: {
      worker: {
        completeJobBatchDelay: COMPLETE_BATCH_MS,
        failJobBatchDelay: 0,
        localQueue: { size: options.concurrency * LOCAL_QUEUE_PER_SLOT, ttl: LOCAL_QUEUE_TTL_MS },
        gracefulShutdownAbortTimeout: ABORT_MS,
      },
    },
  };
}

/**
 * The connections of Graphile Worker itself: fetch, complete, fail, LISTEN, cron. Jobs use our own
 * pool.
 */
function openConnections(options: PoolOptions) {
  const { databaseUrl, databaseDirectUrl, applicationName, concurrency, onTrouble } = options;
  const open = (url: string, max: number) => {
    const pool = new pg.Pool({
      ...connectionSettings({
        url,
        applicationName,
        statementTimeoutMs: STATEMENT_MS,
        idleInTransactionMs: IDLE_IN_TRANSACTION_MS,
        isPostgresItself: options.isPostgresItself ?? false,
      }),
      Client,
      max,
    });
    const onLost = (error: Error) => onTrouble('warning', `lost a connection: ${error.message}`);
    pool.on('error', onLost);
    pool.on('connect', (client) => client.on('error', onLost));
    return pool;
  };
  // Graphile Worker warns when there are fewer connections than its concurrency; this many are
  // enough.
  const pool = open(databaseUrl, concurrency + 2);
  // LISTEN does not work through a pooler in transaction mode.
  const direct = databaseDirectUrl === undefined ? pool : open(databaseDirectUrl, 2);

  let gate: Promise<void> = Promise.resolve();
  const connect = pool.connect.bind(pool) as (...args: unknown[]) => unknown;
  const connectToListen = direct.connect.bind(direct) as (callback: unknown) => unknown;
  // Graphile Worker uses the callback form for its LISTEN connection only.
  pool.connect = ((callback?: (error: Error) => void) =>
    callback
      ? gate.then(() => connectToListen(callback), callback)
      : gate.then(() => connect())) as typeof pool.connect;
  return {
    pool,
    /** Delays every connection until the promise resolves. */
    holdUntil(ready: Promise<void>) {
      gate = ready;
      gate.catch(() => {});
    },
    async end() {
      await Promise.all([pool.end(), direct === pool ? undefined : direct.end()]);
    },
  };
}
