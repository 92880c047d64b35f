import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { isPassing } from '../lib/db/connection-error.ts';
import { databaseReturns, describeOutage, untilDone } from '../lib/db/returns.ts';
import { newId } from '../lib/ids.ts';
import type { Meter } from '../lib/metrics/meter.ts';
import { formatDuration } from '../lib/output/time.ts';
import { CIRCUIT_THRESHOLD } from '../lib/queue/policy.ts';
import { Activity } from '../lib/queue/run/activity.ts';
import { Brake } from '../lib/queue/run/brake.ts';
import { Lease } from '../lib/queue/run/lease.ts';
import {
  type PoolOptions,
  type RunningPool,
  startPool,
  watchStrayFailures,
} from '../lib/queue/run/pool.ts';
import { createRecorder, type Entry } from '../lib/queue/run/recorder.ts';
import { registerPool, signOff } from '../lib/queue/run/release.ts';
import { JOBS_PER_SLOT, Slots } from '../lib/queue/run/slots.ts';
import { applyVerdicts } from '../lib/queue/run/verdicts.ts';
import {
  FROZEN_AFTER_MS,
  GIVE_UP_AFTER_MS,
  type RunningJob,
  registerWorker,
} from '../lib/queue/run/workers.ts';
import type { TaskName } from '../lib/queue/tasks.ts';
import type { Telemetry } from '../lib/telemetry/telemetry.ts';
import { Housekeeping } from './housekeeping.ts';
import { ledgerUpkeep } from './maintain-ledger.ts';
import { allTasks, probeProvider, type TaskDeps } from './registry.ts';
import { runTask } from './run-task.ts';
import { queueSampling } from './sample-queue.ts';
import { type LeftJob, StopLimit } from './stop-limit.ts';
import { healthWatch } from './watch-health.ts';

export interface WorkerOptions extends TaskDeps {
  databaseUrl: string;
  /** The URL of Postgres itself when `databaseUrl` leads to a pooler in transaction mode. */
  databaseDirectUrl?: string | undefined;
  /** True when `databaseUrl` leads to Postgres itself. */
  isPostgresItself?: boolean;
  log: Logger;
  /** Gets every attempt that ended. */
  meter?: Pick<Meter, 'attempt'> | undefined;
  telemetry?: Telemetry | undefined;
  /** Called when the database knows the worker, before its first job. */
  onStarted?: (() => void) | undefined;
  /** The environment of this process. A part of it is passed to the commands that receive alerts. */
  env: NodeJS.ProcessEnv;
  version: string;
  concurrency: number;
  tasks: TaskName[];
}

/**
 * A worker: one Graphile Worker pool, its lease (see `Lease`), and the housekeeping that every
 * worker does for all (see `Housekeeping`).
 */
export class Worker {
  readonly id = newId('worker');
  readonly #options: WorkerOptions;
  readonly #brake: Brake;
  readonly #housekeeping: Housekeeping;
  readonly #activity: Activity;
  readonly #lease: Lease;
  readonly #slots: Slots;
  readonly #running = new Map<string, RunningJob>();
  readonly #underWay = new Map<string, Promise<void>>();
  #pool: RunningPool | undefined;
  /** The number of jobs that this worker has started. */
  #begun = 0;
  #stopping = false;
  #ended = false;
  readonly #limit: StopLimit;
  #endWatch: () => void = () => {};

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { db, log } = options;
    this.#activity = new Activity(db);
    this.#slots = new Slots(options.concurrency);
    this.#limit = new StopLimit({
      log,
      stopTimeoutMs: options.config.worker.stopTimeoutMs,
      jobs: () => this.#jobs(),
    });
    this.#brake = new Brake({
      db,
      threshold: CIRCUIT_THRESHOLD,
      probe: (task) => probeProvider(options, task),
      onChange: (change, pause) =>
        log.warn(
          { task: pause.task, cause: pause.cause, reason: pause.reason },
          `${pause.task} ${change}${change === 'paused' ? `: ${pause.reason}` : ''}`,
        ),
    });
    this.#lease = new Lease({
      db,
      workerId: this.id,
      everyMs: options.config.worker.heartbeatMs,
      running: () => [...this.#running.values()],
      onControl: () => {
        this.#brake.refresh().catch(() => {});
      },
      onTrouble: (error) =>
        log.warn({ error: error.message }, `no heartbeat: ${describeOutage(error)}; trying again`),
      onChange: (change) => {
        if (change === 'proven') log.info('the heartbeat works again; jobs start again');
        else
          log.error(
            `no heartbeat succeeded for ${formatDuration(GIVE_UP_AFTER_MS)}; no jobs start until one does`,
          );
      },
      onGivenUp: (at) =>
        log.error(
          { worker: this.id, released_at: at },
          'other workers treated this worker as gone and released its jobs',
        ),
    });
    const isStopping = () => this.#ended;
    const { retentionDays } = options.config.ledger;
    this.#housekeeping = new Housekeeping({
      db,
      log,
      everyMs: options.config.worker.heartbeatMs,
      brake: this.#brake,
      lease: this.#lease,
      seldom: [
        ledgerUpkeep({ db, log, retentionDays, isStopping }),
        queueSampling({ db, log, isStopping }),
        healthWatch({ ...options, isStopping }),
      ],
    });
  }

  /** Runs until `stop` is called. Reconnects when Postgres was unavailable. */
  async run(): Promise<void> {
    await this.#begin();
    try {
      while (!this.#stopping) await this.#runPool();
    } finally {
      await this.#end();
    }
  }

  /** Runs all due jobs, and those that become due as a consequence, then ends. */
  async drain(): Promise<void> {
    await this.#begin();
    try {
      // A draining pool ends as soon as it finds no job, but a running job may still add one. So
      // pools are started until one has found no job at all.
      let found: number;
      do {
        found = this.#begun;
        this.#pool = await this.#limit.inTime(startPool(this.#poolOptions(), { once: true }));
        await this.#limit.inTime(this.#pool?.ended);
      } while (this.#begun > found && !this.#stopping);
    } finally {
      await this.#end();
    }
  }

  /** Whether it takes jobs now: it is heard, and does not stop. */
  isReady(): boolean {
    return this.#pool !== undefined && !this.#stopping && this.#lease.isProven();
  }

  /**
   * Stops within the announced limit: waits for running jobs, returns claimed ones, then lets `run`
   * end. Jobs that are still running at the limit return to the queue unfinished.
   */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#slots.close();
    this.#limit.begin();
    await this.#limit.inTime(this.#pool?.stop().catch(() => {}));
  }

  #jobs(): LeftJob[] {
    return [...this.#running.values()].map(({ job, task, donation, since }) => ({
      job,
      task,
      donation,
      since,
    }));
  }

  async #begin(): Promise<void> {
    const { db, log, concurrency, tasks, version } = this.#options;
    this.#endWatch = watchStrayFailures((level, message) => this.#trouble(level, message));
    await registerWorker(db, {
      id: this.id,
      host: hostname(),
      pid: process.pid,
      version,
      concurrency,
      tasks,
    });
    await this.#lease.start();
    await this.#brake.refresh();
    await this.#housekeeping.start();
    log.info({ worker: this.id, concurrency, tasks }, `worker started with ${concurrency} slots`);
    this.#options.onStarted?.();
  }

  /**
   * Signs off within a short limit. If Postgres is unavailable, other workers find this one gone
   * and release its jobs.
   */
  async #end(): Promise<void> {
    const { db, log } = this.#options;
    this.#ended = true;
    this.#limit.end();
    this.#housekeeping.end();
    this.#activity.end();
    // From here on no provider call starts.
    this.#lease.end();
    const left = this.#jobs();
    const goodbye = async () => {
      await this.#lease.close();
      await signOff(db, this.id, [...this.#running.values()]);
      await applyVerdicts(db);
    };
    const said = await Promise.race([
      goodbye().then(
        () => true,
        (error) => {
          if (!isPassing(error)) throw error;
          return false;
        },
      ),
      new Promise<false>((resolve) => setTimeout(resolve, this.#limit.signOffMs, false)),
    ]);
    this.#endWatch();
    if (left.length > 0) {
      const many = left.length > 1;
      log.error(
        { left },
        `${left.length} job${many ? 's were' : ' was'} left unfinished and ${said ? 'returned to the queue' : `${many ? 'return' : 'returns'} to the queue within ${formatDuration(FROZEN_AFTER_MS)}`}; a mail that was being sent will be held, a charge will be looked up at Stripe`,
      );
      throw new Error(`${left.length} jobs were left unfinished`);
    }
    if (!said) throw new Error('Postgres did not answer while the worker stopped');
    log.info({ worker: this.id }, 'worker stopped');
  }

  /** Runs one Graphile Worker pool until it is stopped or Postgres becomes unavailable. */
  async #runPool(): Promise<void> {
    const away = (error?: unknown) =>
      this.#options.log.warn(
        { error: (error as Error | undefined)?.message },
        'the connection to the queue was lost; starting again',
      );
    try {
      this.#pool = await this.#limit.inTime(startPool(this.#poolOptions()));
      if (this.#stopping) await this.#limit.inTime(this.#pool?.stop());
      await this.#limit.inTime(this.#pool?.ended);
      if (!this.#stopping) away();
    } catch (error) {
      if (this.#stopping) return;
      away(error);
      await databaseReturns(this.#options.db, () => this.#stopping);
    }
  }

  #poolOptions(): PoolOptions {
    const { db, databaseUrl, databaseDirectUrl, isPostgresItself = false } = this.#options;
    const { log, concurrency, tasks, config } = this.#options;
    const registry = allTasks(this.#options);
    const record = createRecorder(db, () => databaseReturns(db));
    const runner = {
      db,
      // Times of the Postgres server decide, not the clock of this machine.
      clock: this.#lease.clock,
      log,
      workerId: this.id,
      brake: this.#brake,
      record: async (entry: Entry) => {
        const missed = await record(entry);
        this.#activity.touch();
        if (entry.attempt) this.#options.meter?.attempt(entry.attempt);
        return missed;
      },
      slots: this.#slots,
      holds: (lockedAt: Date | null) => this.#lease.holds(lockedAt),
      announce: () => this.#lease.announce(),
      verdictGiven: () => this.#housekeeping.verdictGiven(),
      running: this.#running,
      underWay: this.#underWay,
      onBegin: () => {
        this.#begun += 1;
      },
      resending: config.receipts,
      random: Math.random,
      telemetry: this.#options.telemetry,
    };
    return {
      databaseUrl,
      databaseDirectUrl,
      isPostgresItself,
      applicationName: `donations worker ${this.id}`,
      concurrency,
      jobsPerSlot: JOBS_PER_SLOT,
      tasks: Object.fromEntries(tasks.map((name) => [name, runTask(runner, name, registry[name])])),
      crontab: [],
      forbiddenFlags: () =>
        this.#stopping || this.#lease.isProven()
          ? this.#brake.forbiddenFlags()
          : this.#lease.untilProven().then(() => this.#brake.forbiddenFlags()),
      onPool: (poolId) =>
        untilDone(
          () => registerPool(db, this.id, poolId),
          () => databaseReturns(db),
        ),
      onTrouble: (level, message) => this.#trouble(level, message),
    };
  }

  #trouble(level: 'warning' | 'error', message: string): void {
    this.#options.log[level === 'error' ? 'error' : 'warn']({ from: 'graphile-worker' }, message);
  }
}
