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
  /** Provider failures in a row after which the task is paused. */
  threshold: number;
  /** Asks the provider behind a task whether it is well again; throws if it is not. */
  probe: (task: string) => Promise<void>;
  onChange: (change: 'paused' | 'resumed', pause: Pause) => void;
}

/** No job carries it: it makes Graphile Worker fetch jobs one by one, each only when it may run. */
const ONE_BY_ONE = 'one by one';

/**
 * What stops and slows tasks on this worker: knows the pauses in force, counts provider failures,
 * pauses a task when there are too many in a row or its key is refused, resumes it when the provider
 * answers a probe, and calls a provider that asked for it less often. Pauses are in the database, so
 * they hold for every worker.
 */
export class Brake {
  #options: BrakeOptions;
  /** A task may be stopped by more than one cause, and runs when the last is gone. */
  #pauses: Pause[] = [];
  #paused = new Set<string>();
  /** Failures in a row, by task. */
  #failures = new Map<string, number>();
  #throttles = new Map<string, Throttle>();
  /** Until when a task rests because of what this worker was told. Milliseconds of `performance.now`. */
  #restUntil = new Map<string, number>();
  #taken = new Map<string, Meter>();

  constructor(options: BrakeOptions) {
    this.#options = options;
  }

  /** For Graphile Worker: the flags of tasks that may not run now, or null while all may. */
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
   * When a job of the task may run: 0 for now. A turn that is near is the caller's; one that is further
   * away than a moment is not taken, and the job should come again then.
   */
  turnInMs(task: string, nearMs = 500): number {
    const throttle = this.#throttles.get(task);
    if (!throttle) return 0;
    const now = performance.now();
    const waitMs = throttle.waitMs(now);
    if (waitMs <= nearMs) throttle.take(now);
    // Those that come too soon are spread over as long as the rate lets a few pass.
    return waitMs <= nearMs ? waitMs : waitMs + (Math.random() * 10_000) / throttle.perSecond;
  }

  /** Why a job waits for its turn. */
  reasonToWait(task: string): string {
    const perSecond = this.#throttles.get(task)?.perSecond ?? 0;
    return `${task} is slowed to ${perSecond.toFixed(1)}/s, as its provider asked`;
  }

  /** Takes note of a provider that answered, whatever it said. */
  answered(task: string): void {
    this.#failures.delete(task);
  }

  /** Takes note of a job that came through. */
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
   * Takes note of a provider that is down. Opens the circuit when it was one too many.
   * @returns whether the circuit is open now.
   */
  async providerDown(task: string, reason: string): Promise<boolean> {
    const failures = (this.#failures.get(task) ?? 0) + 1;
    this.#failures.set(task, failures);
    if (failures < this.#options.threshold) return this.isPaused(task);
    if (!this.isPaused(task)) await this.#pause(task, 'circuit', `provider down: ${reason}`);
    return true;
  }

  /** Pauses a task whose key or account is refused. */
  misconfigured(task: string, reason: string): Promise<void> {
    return this.#pause(task, 'misconfigured', reason);
  }

  /** Lets a task rest that was told to, on every worker, and calls its provider less often after. */
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

  /** Reads the pauses anew: on a notification, and now and then in case one was missed. */
  async refresh(): Promise<void> {
    const now = await listPauses(this.#options.db);
    const before = this.#pauses;
    this.#pauses = now;
    this.#paused = new Set(now.map(({ task }) => task));
    for (const pause of now) {
      if (includes(before, pause)) continue;
      this.#options.onChange('paused', pause);
      // Another worker was told: this one calls the same provider.
      if (pause.cause === 'rate_limited' && !this.#throttles.has(pause.task))
        this.#slowDown(pause.task);
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
      await resumeAfterProbe(this.#options.db, pause);
      await this.refresh();
    }
  }
}

/** How many there were in the last second, to about a second. */
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
