import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { isConnectionError } from '../lib/db/connection-error.ts';
import type { Session } from '../lib/db/database.ts';
import { newId } from '../lib/ids.ts';
import { plural } from '../lib/output/text.ts';
import { CIRCUIT_THRESHOLD } from '../lib/queue/policy.ts';
import { Activity } from '../lib/queue/run/activity.ts';
import { adoptFailures } from '../lib/queue/run/adopt.ts';
import { Brake } from '../lib/queue/run/brake.ts';
import { CONTROL_CHANNEL } from '../lib/queue/run/pauses.ts';
import {
  type PoolOptions,
  type RunningPool,
  startPool,
  watchStrayFailures,
} from '../lib/queue/run/pool.ts';
import { createRecorder, type Entry } from '../lib/queue/run/recorder.ts';
import { applyVerdicts } from '../lib/queue/run/verdicts.ts';
import {
  beat,
  holdWorkerLock,
  type RunningJob,
  registerPool,
  registerWorker,
  releaseGoneWorkers,
  signOff,
} from '../lib/queue/run/workers.ts';
import type { TaskName } from '../lib/queue/tasks.ts';
import { CRONTAB } from './crontab.ts';
import { allTasks, probeProvider, type TaskDeps } from './registry.ts';
import { runTask } from './run-task.ts';

export interface WorkerOptions extends TaskDeps {
  databaseUrl: string;
  log: Logger;
  version: string;
  concurrency: number;
  tasks: TaskName[];
}

/** How long to wait before Postgres is asked again while it is away. */
const RECONNECT_MS = 500;
/** How soon a verdict is carried over: Graphile Worker lets the job go a moment after it was given. */
const VERDICT_MS = 50;
const NAG_MS = 2000;

/**
 * A worker: one Graphile Worker pool, its heartbeat, and the housekeeping that every worker does
 * for all (carry over verdicts, release the jobs of dead workers, probe paused providers).
 */
export class Worker {
  readonly id = newId('worker');
  readonly #options: WorkerOptions;
  readonly #brake: Brake;
  readonly #activity: Activity;
  readonly #running = new Map<string, RunningJob>();
  #pool: RunningPool | undefined;
  /** How many jobs were begun. */
  #begun = 0;
  #session: Session | undefined;
  #stopping = false;
  #beatTimer: NodeJS.Timeout | undefined;
  #verdictTimer: NodeJS.Timeout | undefined;
  #housekeeping: Promise<void> = Promise.resolve();
  #endWatch: () => void = () => {};

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#activity = new Activity(options.db);
    this.#brake = new Brake({
      db: options.db,
      threshold: CIRCUIT_THRESHOLD,
      probe: (task) => probeProvider(options, task),
      onChange: (change, pause) =>
        options.log.warn(
          { task: pause.task, cause: pause.cause, reason: pause.reason },
          `${pause.task} ${change}${change === 'paused' ? `: ${pause.reason}` : ''}`,
        ),
    });
  }

  /** Runs until `stop` is called. Loses the database and finds it again by itself. */
  async run(): Promise<void> {
    await this.#begin();
    try {
      while (!this.#stopping) await this.#runPool();
    } finally {
      await this.#end();
    }
  }

  /** Runs what is due and what becomes due as its consequence, then ends. */
  async drain(): Promise<void> {
    await this.#begin();
    try {
      // A pool that drains ends when it finds nothing for a moment, though a job that still runs may
      // add more: so again, until one has found nothing at all.
      let found: number;
      do {
        found = this.#begun;
        this.#pool = await startPool(this.#poolOptions(), { once: true });
        await this.#pool.ended;
      } while (this.#begun > found && !this.#stopping);
    } finally {
      await this.#end();
    }
  }

  /** Finishes what runs, gives back what was claimed, then lets `run` end. */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    const { log } = this.#options;
    const nag = () => {
      const jobs = [...this.#running.values()];
      if (jobs.length > 0) {
        log.info(
          { waiting_for: jobs.map(({ job, task, since }) => ({ job, task, since })) },
          `waiting for ${plural(jobs.length, 'running job')}; a second signal ends them`,
        );
      }
    };
    log.info('stopping: no new jobs are begun');
    nag();
    const timer = setInterval(nag, NAG_MS);
    try {
      await this.#pool?.stop().catch(() => {});
    } finally {
      clearInterval(timer);
    }
  }

  async #begin(): Promise<void> {
    const { db, log, concurrency, tasks, version } = this.#options;
    this.#endWatch = watchStrayFailures((level, message) => this.#trouble(level, message));
    await this.#openSession();
    await registerWorker(db, {
      id: this.id,
      host: hostname(),
      pid: process.pid,
      version,
      concurrency,
      tasks,
    });
    await db.query('select donations.ensure_attempt_partitions()');
    await this.#brake.refresh();
    await this.#keepHouse();
    this.#scheduleBeat();
    log.info({ worker: this.id, concurrency, tasks }, `worker started with ${concurrency} slots`);
  }

  async #end(): Promise<void> {
    clearTimeout(this.#beatTimer);
    clearTimeout(this.#verdictTimer);
    this.#activity.end();
    await this.#housekeeping;
    try {
      await applyVerdicts(this.#options.db);
      await signOff(this.#options.db, this.id);
    } catch (error) {
      // The others will find this worker gone and do the rest.
      if (!isConnectionError(error)) throw error;
    }
    await this.#session?.end().catch(() => {});
    this.#endWatch();
    this.#options.log.info({ worker: this.id }, 'worker stopped');
  }

  /** One life of the Graphile Worker pool: it ends when asked to, or when Postgres goes away. */
  async #runPool(): Promise<void> {
    try {
      this.#pool = await startPool(this.#poolOptions());
      if (this.#stopping) await this.#pool.stop();
      await this.#pool.ended;
      if (!this.#stopping) this.#options.log.warn('the queue went away; starting again');
    } catch (error) {
      if (this.#stopping) return;
      this.#options.log.warn(
        { error: (error as Error).message },
        'the queue went away; starting again',
      );
      await this.#databaseIsBack(() => this.#stopping);
    }
  }

  #poolOptions(): PoolOptions {
    const { db, databaseUrl, log, clock, concurrency, tasks, config } = this.#options;
    const registry = allTasks(this.#options);
    const record = createRecorder(db, () => this.#databaseIsBack());
    const runner = {
      db,
      clock,
      log,
      workerId: this.id,
      brake: this.#brake,
      record: async (entry: Entry) => {
        await record(entry);
        this.#activity.touch();
      },
      verdictGiven: () => this.#carryOverSoon(),
      running: this.#running,
      onBegin: () => {
        this.#begun += 1;
      },
      whenUnknown: config.receipts.whenUnknown,
      random: Math.random,
    };
    return {
      databaseUrl,
      applicationName: `donations worker ${this.id}`,
      concurrency,
      tasks: Object.fromEntries(tasks.map((name) => [name, runTask(runner, name, registry[name])])),
      crontab: CRONTAB.filter(({ task }) => tasks.includes(task)),
      forbiddenFlags: this.#brake.forbiddenFlags,
      onPool: (poolId) => this.#whileDatabaseReturns(() => registerPool(db, this.id, poolId)),
      onTrouble: (level, message) => this.#trouble(level, message),
    };
  }

  #trouble(level: 'warning' | 'error', message: string): void {
    this.#options.log[level === 'error' ? 'error' : 'warn']({ from: 'graphile-worker' }, message);
  }

  /** The connection whose session lock says that this process lives, and on which pauses are told. */
  async #openSession(): Promise<void> {
    const session = await this.#options.db.session(`donations worker ${this.id} alive`);
    session.on('notification', () => {
      this.#brake.refresh().catch(() => {});
    });
    const reopen = () => {
      if (this.#session !== session || this.#stopping) return;
      this.#session = undefined;
    };
    session.on('error', reopen);
    session.on('end', reopen);
    await holdWorkerLock(session, this.id);
    await session.query(`listen ${CONTROL_CHANNEL}`);
    this.#session = session;
  }

  #scheduleBeat(): void {
    this.#beatTimer = setTimeout(() => {
      this.#housekeeping = this.#keepHouse()
        .catch((error: unknown) => {
          const log = this.#options.log;
          if (isConnectionError(error)) log.warn('Postgres is away; trying again');
          else log.error({ error: (error as Error).message }, 'housekeeping failed');
        })
        .finally(() => {
          if (!this.#stopping || this.#running.size > 0) this.#scheduleBeat();
        });
    }, this.#options.config.worker.heartbeatMs);
  }

  async #keepHouse(): Promise<void> {
    const { db, log } = this.#options;
    if (!this.#session) await this.#openSession();
    const { givenUp } = await beat(db, this.id, [...this.#running.values()]);
    if (givenUp)
      log.error({ worker: this.id }, 'others took this worker for dead and released its jobs');
    for (const gone of await releaseGoneWorkers(db)) {
      log.warn(
        {
          worker: gone.id,
          host: gone.host,
          pid: gone.pid,
          jobs: gone.running.map(({ job }) => job),
        },
        `worker ${gone.id} is gone; its jobs are released`,
      );
    }
    await this.#brake.refresh();
    await this.#brake.probeDue();
    await applyVerdicts(db);
    await adoptFailures(db);
  }

  #carryOverSoon(): void {
    if (this.#verdictTimer) return;
    this.#verdictTimer = setTimeout(async () => {
      this.#verdictTimer = undefined;
      try {
        const { waiting } = await applyVerdicts(this.#options.db);
        if (waiting > 0) this.#carryOverSoon();
      } catch {
        // The next heartbeat does it.
      }
    }, VERDICT_MS);
  }

  /** Resolves when Postgres answers again, or when nobody waits for it any more. */
  async #databaseIsBack(givenUp: () => boolean = () => false): Promise<void> {
    while (!givenUp()) {
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
      try {
        await this.#options.db.query('select 1');
        return;
      } catch (error) {
        if (!isConnectionError(error)) throw error;
      }
    }
  }

  async #whileDatabaseReturns<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!isConnectionError(error)) throw error;
        await this.#databaseIsBack();
      }
    }
  }
}
