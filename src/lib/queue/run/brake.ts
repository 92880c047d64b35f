import type { Db } from '../../db/database.ts';
import { taskFlag } from '../tasks.ts';
import { listPauses, type Pause, pauseTask, resumeTask, takeDueProbes } from './pauses.ts';

export interface BrakeOptions {
  db: Db;
  /** Provider failures in a row after which the task is paused. */
  threshold: number;
  /** Asks the provider behind a task whether it is well; throws if it is not. */
  probe: (task: string) => Promise<void>;
  onChange: (change: 'paused' | 'resumed', pause: Pause) => void;
}

/**
 * What stops tasks on this worker: knows the pauses in force, counts provider failures, pauses a
 * task when there are too many in a row or its key is refused, and resumes it when the provider
 * answers a probe. Pauses are in the database, so they hold for every worker.
 */
export class Brake {
  #options: BrakeOptions;
  /** A task may be stopped by more than one cause, and runs when the last is gone. */
  #pauses: Pause[] = [];
  #flags: string[] | null = null;
  /** Failures in a row, by task. */
  #failures = new Map<string, number>();
  /** How often the circuit opened without a success in between: a flapping provider is probed less often. */
  #openings = new Map<string, number>();

  constructor(options: BrakeOptions) {
    this.#options = options;
  }

  /** For Graphile Worker: the flags of paused tasks, or null while there are none. */
  forbiddenFlags = (): string[] | null => this.#flags;

  isPaused(task: string): boolean {
    return this.#pauses.some((pause) => pause.task === task);
  }

  /** Takes note of a provider that answered, whatever it said. */
  answered(task: string): void {
    this.#failures.delete(task);
    this.#openings.delete(task);
  }

  /**
   * Takes note of a provider that is down. Opens the circuit when it was one too many.
   * @returns whether the circuit is open now.
   */
  async providerDown(task: string, reason: string): Promise<boolean> {
    const failures = (this.#failures.get(task) ?? 0) + 1;
    this.#failures.set(task, failures);
    if (failures < this.#options.threshold) return this.isPaused(task);
    if (!this.isPaused(task)) {
      const openings = this.#openings.get(task) ?? 0;
      this.#openings.set(task, openings + 1);
      await this.#pause(task, 'circuit', `provider down: ${reason}`, openings);
    }
    return true;
  }

  /** Pauses a task whose key or account is refused. */
  misconfigured(task: string, reason: string): Promise<void> {
    return this.#pause(task, 'misconfigured', reason, 0);
  }

  async #pause(
    task: string,
    cause: 'circuit' | 'misconfigured',
    reason: string,
    probes: number,
  ): Promise<void> {
    await pauseTask(this.#options.db, { task, cause, reason, probes });
    await this.refresh();
  }

  /** Reads the pauses anew: on a notification, and now and then in case one was missed. */
  async refresh(): Promise<void> {
    const now = await listPauses(this.#options.db);
    const before = this.#pauses;
    this.#pauses = now;
    const tasks = [...new Set(now.map(({ task }) => task))];
    this.#flags = tasks.length > 0 ? tasks.map(taskFlag) : null;
    for (const pause of now) {
      if (!includes(before, pause)) this.#options.onChange('paused', pause);
    }
    for (const pause of before) {
      if (includes(now, pause)) continue;
      // Half open: the first failure after a pause stops the task again.
      if (pause.cause === 'circuit') this.#failures.set(pause.task, this.#options.threshold - 1);
      if (!this.isPaused(pause.task)) this.#options.onChange('resumed', pause);
    }
  }

  /** Probes what is due to be probed, and resumes what is well again. */
  async probeDue(): Promise<void> {
    if (!this.#pauses.some((pause) => pause.next_probe_at)) return;
    for (const pause of await takeDueProbes(this.#options.db)) {
      try {
        await this.#options.probe(pause.task);
      } catch {
        continue;
      }
      await resumeTask(this.#options.db, pause.task, pause.cause);
      await this.refresh();
    }
  }
}

const includes = (pauses: Pause[], { task, cause }: Pause) =>
  pauses.some((pause) => pause.task === task && pause.cause === cause);
