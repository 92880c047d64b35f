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
  /** How to get at Postgres itself when `databaseUrl` leads to a pooler in transaction mode. */
  databaseDirectUrl?: string | undefined;
  /** `databaseUrl` is known to lead to Postgres itself. */
  isPostgresItself?: boolean;
  applicationName: string;
  /** Calls at providers at a time; more jobs than that are run, each of which waits for Postgres or for a slot. */
  concurrency: number;
  /** How many jobs are run for each slot; 1 when not set. */
  jobsPerSlot?: number;
  tasks: Record<string, Task>;
  crontab: CronItem[];
  /**
   * Flags of jobs that must not be claimed now; null while there are none (which keeps batched
   * fetching). While it is a promise that is not resolved nothing is claimed.
   */
  forbiddenFlags: () => string[] | null | Promise<string[] | null>;
  /** Called with Graphile Worker's name for the pool; no job is claimed until it resolves. */
  onPool: (poolId: string) => Promise<void>;
  onTrouble: (level: 'warning' | 'error', message: string) => void;
}

export interface RunningPool {
  /** Resolves when the pool has ended, whatever the reason; rejects if it ended by an error. */
  ended: Promise<void>;
  /** Finishes what runs, gives back what was claimed and not begun. */
  stop(): Promise<void>;
}

const POLL_MS = 1000;
// Jobs fetched in one go. They are locked while they wait, so few enough to share with other workers.
const LOCAL_QUEUE_PER_SLOT = 10;
// How long they may wait before they go back. While a task is paused Graphile Worker passes them by,
// so this is how long a pause may hold up others.
const LOCAL_QUEUE_TTL_MS = 2000;
// Jobs are never aborted half way: a send that was begun is waited for (providers have deadlines).
const ABORT_MS = 600_000;
// Its statements take milliseconds, with a million jobs as well.
const STATEMENT_MS = 5000;
const IDLE_IN_TRANSACTION_MS = 10_000;

/**
 * Starts Graphile Worker.
 * @param once end by itself when nothing is due any more.
 */
export async function startPool(options: PoolOptions, { once = false } = {}): Promise<RunningPool> {
  const connections = openConnections(options);
  const events = new EventEmitter() as WorkerEvents;
  // Boxed: a pool is a promise of its own end, which must not be awaited here.
  const created = new Promise<{ pool: WorkerPool }>((resolve) => {
    events.on('pool:create', ({ workerPool }) => resolve({ pool: workerPool }));
  });
  // Graphile Worker chooses the name of the pool by itself and claims jobs at once. Nothing may be
  // locked under a name that is not on record, or nobody could release it if we died: so no
  // connection is given out between the two. A pool that cannot be put on record is of no use: it
  // ends, and its successor tries again.
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
 * When Postgres goes away, Graphile Worker 0.17 leaves promises behind that nobody awaits (of its
 * shutdown, of its local queue), and the process would end with them. The pool's own promise tells
 * what is to be known. Anything else that nobody caught is a bug, and ends the process.
 *
 * @returns what ends the watch. It must outlive the pools: such a promise may fail after its pool.
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
    // A statement that a pooler prepares on one connection is not there on the next.
    noPreparedStatements: options.databaseDirectUrl !== undefined,
    forbiddenFlags: options.forbiddenFlags,
    logger: new Logger(() => (level, message, meta) => {
      // Failed jobs are logged where they are judged.
      // It would like a connection for each job; those that wait for a slot need none.
      const wanted = meta !== undefined && 'concurrency' in meta && 'max' in meta;
      if ((level === 'error' || level === 'warning') && !meta?.failure && !wanted)
        options.onTrouble(level, message);
    }),
    preset: {
      worker: {
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
        localQueue: { size: options.concurrency * LOCAL_QUEUE_PER_SLOT, ttl: LOCAL_QUEUE_TTL_MS },
        gracefulShutdownAbortTimeout: ABORT_MS,
      },
    },
  };
}

/** Graphile Worker's own connections: fetching, completing, failing, listening, cron. Jobs use ours. */
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
  // It warns of fewer than its slots; it opens what it needs.
  const pool = open(databaseUrl, concurrency + 2);
  // A pooler forgets who listens.
  const direct = databaseDirectUrl === undefined ? pool : open(databaseDirectUrl, 2);

  let gate: Promise<void> = Promise.resolve();
  const connect = pool.connect.bind(pool) as (...args: unknown[]) => unknown;
  const connectToListen = direct.connect.bind(direct) as (callback: unknown) => unknown;
  // Graphile Worker asks with a callback for the connection on which it listens, and for no other.
  pool.connect = ((callback?: (error: Error) => void) =>
    callback
      ? gate.then(() => connectToListen(callback), callback)
      : gate.then(() => connect())) as typeof pool.connect;
  return {
    pool,
    /** Hands out no connection until then. */
    holdUntil(ready: Promise<void>) {
      gate = ready;
      gate.catch(() => {});
    },
    async end() {
      await Promise.all([pool.end(), direct === pool ? undefined : direct.end()]);
    },
  };
}
