import type { Logger } from 'pino';
import type { RunningJob } from '../lib/queue/run/workers.ts';

const NAG_MS = 2000;
const LOOK_MS = 500;
/** The final writes take milliseconds if Postgres answers. */
const SIGN_OFF_MS = 1500;
const HAND_BACK_MS = 5000;

export type LeftJob = Pick<RunningJob, 'job' | 'task' | 'donation' | 'since'>;

export interface StopLimitOptions {
  log: Logger;
  /** Milliseconds from the request to stop to the end of the worker. */
  stopTimeoutMs: number;
  /** The jobs that run now. */
  jobs: () => LeftJob[];
}

/**
 * The time that a worker has to stop. Until it is over, the worker waits for its running jobs, and the
 * log names them.
 */
export class StopLimit {
  readonly #options: StopLimitOptions;
  /** Resolves when the time is over. */
  readonly #overdue: Promise<undefined>;
  #giveUp: () => void = () => {};
  #timers: NodeJS.Timeout[] = [];

  constructor(options: StopLimitOptions) {
    this.#options = options;
    this.#overdue = new Promise((resolve) => {
      this.#giveUp = () => resolve(undefined);
    });
  }

  /** Milliseconds that are left for the final writes. */
  get signOffMs(): number {
    return Math.min(SIGN_OFF_MS, this.#options.stopTimeoutMs / 4);
  }

  /** The worker was asked to stop. */
  begin(): void {
    const { log, stopTimeoutMs, jobs } = this.#options;
    log.info(
      `stopping: no new jobs start; running jobs may finish, and the worker ends after ${stopTimeoutMs / 1000} s at the latest`,
    );
    this.#nag();
    // When no job is running, the worker only waits for Postgres.
    let idleSince = performance.now();
    const look = () => {
      if (jobs().length > 0) idleSince = performance.now();
      else if (performance.now() - idleSince > HAND_BACK_MS) this.#giveUp();
    };
    this.#timers = [
      setInterval(() => this.#nag(), NAG_MS),
      setInterval(look, LOOK_MS),
      // Leaves time for the final writes and for closing connections.
      setTimeout(this.#giveUp, stopTimeoutMs - 2 * this.signOffMs),
    ];
  }

  /** Resolves with the result of the work, or with undefined when the time is over first. */
  async inTime<T>(work: Promise<T> | undefined): Promise<T | undefined> {
    return Promise.race([work, this.#overdue]);
  }

  /** The worker ends. */
  end(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #nag(): void {
    const jobs = this.#options.jobs();
    if (jobs.length === 0) return;
    this.#options.log.info(
      { waiting_for: jobs },
      `waiting for ${jobs.length} running job${jobs.length === 1 ? '' : 's'}; a second signal ends them`,
    );
  }
}
