import type { Db } from '../../db/database.ts';
import { taskFlag } from '../tasks.ts';
import {
  listPauses,
  type Pause,
  pauseTask,
  restTask,
  resumeAfterProbe,
  takeDueProbes,
} from './pauses.ts';
import { Throttle } from './throttle.ts';

export interface BrakeOptions {
  db: Db;
  /** After this many consecutive provider failures the task is paused. */
  threshold: number;
  /** Calls the provider of a task to check that it works; throws if it does not. */
  probe: (task: string) => Promise<void>;
  onChange: (change: 'paused' | 'resumed', pause: Pause) => void;
}

/**
 * No job has this flag. It makes Graphile Worker fetch jobs one by one, so that each fetch checks
 * the limits.
 */
const ONE_BY_ONE = 'one by one';

/**
 * Pauses and slows tasks on this worker. It caches the pauses in force, counts provider failures,
 * pauses a task after too many in a row or when its key is refused, resumes it after a successful
 * probe, and reduces the call rate after a 429. Pauses are stored in the database, so they apply to
 * every worker.
 */
export class Brake {
  #options: BrakeOptions;
  /** A task can have several pauses at once. It runs when all have ended. */
  #pauses: Pause[] = [];
  #paused = new Set<string>();
  /** Consecutive failures by task. */
  #failures = new Map<string, number>();
  #throttles = new Map<string, Throttle>();
  /**
   * Until when a task rests because of a 429 to this worker, in milliseconds of `performance.now`.
   */
  #restUntil = new Map<string, number>();
  #taken = new Map<string, Meter>();

  constructor(options: BrakeOptions) {
    this.#options = options;
  }

  /** The flags of tasks that must not run now, for Graphile Worker; null when there are none. */
  forbiddenFlags = (): string[] | null => {
    if (this.#paused.size === 0 && this.#throttles.size === 0) return null;
    const now = performance.now();
    const flags = [...this.#paused].map(taskFlag);
    for (const [task, throttle] of this.#throttles) {
      if (throttle.isForgotten(now)) this.#throttles.delete(task);
      else if (throttle.waitMs(now) > 0 && !this.#paused.has(task)) flags.push(taskFlag(task));
    }
    return flags.length > 0 ? flags : [ONE_BY_ONE];
  };

  isPaused(task: string): boolean {
    return this.#paused.has(task);
  }

  /**
   * Milliseconds until a job of the task may run; 0 for now. A turn within `nearMs` is taken by
   * this call. A later turn is not taken, and the job should be scheduled again.
   */
  turnInMs(task: string, nearMs = 500): number {
    const throttle = this.#throttles.get(task);
    if (!throttle) return 0;
    const now = performance.now();
    const waitMs = throttle.waitMs(now);
    if (waitMs <= nearMs) throttle.take(now);
    // Jobs that come too early are spread over the time in which the rate admits several.
    return waitMs <= nearMs ? waitMs : waitMs + (Math.random() * 10_000) / throttle.perSecond;
  }

  /** Why a job waits for its turn. */
  reasonToWait(task: string): string {
    const perSecond = this.#throttles.get(task)?.perSecond ?? 0;
    return `${task} is limited to ${perSecond.toFixed(1)}/s, as its provider asked`;
  }

  /** Counts a call that the provider answered, whatever the answer. */
  answered(task: string): void {
    this.#failures.delete(task);
  }

  /** Resets the failure count after a successful job. */
  succeeded(task: string): void {
    this.answered(task);
    let meter = this.#taken.get(task);
    if (!meter) {
      meter = new Meter();
      this.#taken.set(task, meter);
    }
    meter.count(performance.now());
  }

  /**
   * Counts a provider failure. Opens the circuit when the threshold is reached.
   * @returns whether the circuit is open now.
   */
  async providerDown(task: string, reason: string): Promise<boolean> {
    const failures = (this.#failures.get(task) ?? 0) + 1;
    this.#failures.set(task, failures);
    if (failures < this.#options.threshold) return this.isPaused(task);
    if (!this.isPaused(task)) await this.#pause(task, 'circuit', `provider down: ${reason}`);
    return true;
  }

  /** Pauses a task because the provider refuses its key or account. */
  misconfigured(task: string, reason: string): Promise<void> {
    return this.#pause(task, 'misconfigured', reason);
  }

  /** Stops a task on every worker for the time that its provider asks for, then limits its rate. */
  async toldToWait(task: string, forMs: number, reason: string): Promise<void> {
    const now = performance.now();
    this.#slowDown(task);
    if ((this.#restUntil.get(task) ?? 0) >= now + forMs / 2) return;
    this.#restUntil.set(task, now + forMs);
    await restTask(this.#options.db, { task, reason, forMs });
    await this.refresh();
  }

  #slowDown(task: string): void {
    const now = performance.now();
    const throttle = this.#throttles.get(task);
    if (throttle) throttle.refused(now);
    else this.#throttles.set(task, new Throttle(now, this.#taken.get(task)?.lastSecond(now) ?? 0));
  }

  async #pause(task: string, cause: 'circuit' | 'misconfigured', reason: string): Promise<void> {
    await pauseTask(this.#options.db, { task, cause, reason, probes: 0 });
    await this.refresh();
  }

  /** Reloads the pauses: on a notification, and regularly in case one was missed. */
  async refresh(): Promise<void> {
    const now = await listPauses(this.#options.db);
    const before = this.#pauses;
    this.#pauses = now;
    this.#paused = new Set(now.map(({ task }) => task));
    for (const pause of now) {
      if (includes(before, pause)) continue;
      this.#options.onChange('paused', pause);
      // Another worker got the 429. This worker calls the same provider, so it slows down too.
      if (pause.cause === 'rate_limited' && !this.#throttles.has(pause.task))
        this.#slowDown(pause.task);
    }
    for (const pause of before) {
      if (includes(now, pause)) continue;
      // Half-open: the first failure after a pause opens the circuit again.
      if (pause.cause === 'circuit') this.#failures.set(pause.task, this.#options.threshold - 1);
      if (!this.isPaused(pause.task)) this.#options.onChange('resumed', pause);
    }
  }

  /** Probes the providers whose probe is due, and resumes the tasks of those that work. */
  async probeDue(): Promise<void> {
    if (!this.#pauses.some((pause) => pause.nextProbeAt)) return;
    for (const pause of await takeDueProbes(this.#options.db)) {
      try {
        await this.#options.probe(pause.task);
      } catch {
        continue;
      }
      await resumeAfterProbe(this.#options.db, pause);
      await this.refresh();
    }
  }
}

/** Counts events in about the last second. */
class Meter {
  #second = 0;
  #count = 0;
  #before = 0;

  count(now: number): void {
    this.#turn(now);
    this.#count += 1;
  }

  lastSecond(now: number): number {
    this.#turn(now);
    return Math.max(this.#count, this.#before);
  }

  #turn(now: number): void {
    const second = Math.floor(now / 1000);
    if (second === this.#second) return;
    this.#before = second === this.#second + 1 ? this.#count : 0;
    this.#second = second;
    this.#count = 0;
  }
}

const includes = (pauses: Pause[], { task, cause }: Pause) =>
  pauses.some((pause) => pause.task === task && pause.cause === cause);
