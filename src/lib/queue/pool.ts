import { EventEmitter } from 'node:events';
import { type CronItem, Logger, parseCronItems, run, runOnce, type Task, type WorkerEvents } from 'graphile-worker';
import pg from 'pg';

export interface PoolOptions {
  databaseUrl: string;
  applicationName: string;
  concurrency: number;
  tasks: Record<string, Task>;
  crontab: CronItem[];
  /** Flags of jobs that must not be claimed now; null while there are none (which keeps batched fetching). */
  forbiddenFlags: () => string[] | null;
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
// How long they may wait before they go back.
const LOCAL_QUEUE_TTL_MS = 10_000;

/** Starts Graphile Worker. */
export async function startPool(options: PoolOptions): Promise<RunningPool> {
  const { settings, close } = poolSettings(options);
  const runner = await run({ ...settings, parsedCronItems: parseCronItems(options.crontab) });
  return {
    ended: runner.promise.finally(close),
    stop: () => runner.stop(),
  };
}

/** Runs what is due, and what becomes due meanwhile, then ends. */
export async function drainPool(options: PoolOptions): Promise<void> {
  const { settings, close } = poolSettings(options);
  try {
    await runOnce(settings);
  } finally {
    await close();
  }
}

function poolSettings(options: PoolOptions) {
  const pool = new pg.Pool({
    connectionString: options.databaseUrl,
    application_name: options.applicationName,
    // Fetching, completing, failing, listening and cron: jobs use our own pool, not this one.
    max: 6,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  });
  // Graphile Worker chooses the name of the pool by itself and claims jobs at once. Nothing may be
  // locked under a name that is not on record, or nobody could release it if we died: so no
  // connection is given out between the two.
  let registered: Promise<void> = Promise.resolve();
  const events = new EventEmitter() as WorkerEvents;
  events.on('pool:create', ({ workerPool }) => {
    registered = options.onPool(workerPool.id);
    registered.catch(() => {});
  });
  const settings = {
    pgPool: gated(pool, () => registered),
    concurrency: options.concurrency,
    taskList: options.tasks,
    events,
    noHandleSignals: true,
    pollInterval: POLL_MS,
    forbiddenFlags: options.forbiddenFlags,
    logger: new Logger(() => (level, message, meta) => {
      // Failed jobs are logged where they are judged.
      if ((level === 'error' || level === 'warning') && !meta?.failure) options.onTrouble(level, message);
    }),
    preset: {
      worker: {
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
        localQueue: { size: options.concurrency * LOCAL_QUEUE_PER_SLOT, ttl: LOCAL_QUEUE_TTL_MS },
        gracefulShutdownAbortTimeout: 60_000,
      },
    },
  };
  return { settings, close: () => pool.end() };
}

/** The pool, whose connections are handed out only after `gate()` has resolved. */
function gated(pool: pg.Pool, gate: () => Promise<void>): pg.Pool {
  const connect = pool.connect.bind(pool) as (...args: unknown[]) => unknown;
  pool.connect = ((callback?: (error: Error, client?: undefined, done?: () => void) => void) => {
    if (!callback) return gate().then(() => connect());
    gate().then(
      () => connect(callback),
      (error) => callback(error),
    );
  }) as typeof pool.connect;
  return pool;
}
