import type { Logger } from 'pino';
import { isPassing } from '../lib/db/connection-error.ts';
import type { Db } from '../lib/db/database.ts';
import { describeOutage } from '../lib/db/returns.ts';
import { adoptFailures } from '../lib/queue/run/adopt.ts';
import type { Brake } from '../lib/queue/run/brake.ts';
import type { Lease } from '../lib/queue/run/lease.ts';
import { releaseGoneWorkers } from '../lib/queue/run/release.ts';
import { applyVerdicts } from '../lib/queue/run/verdicts.ts';
import { holdUnfinished } from '../lib/receipts/deliver.ts';

/**
 * The delay before a verdict is applied: Graphile Worker unlocks the job a moment after the
 * verdict.
 */
const VERDICT_MS = 50;

export interface HousekeepingOptions {
  db: Db;
  log: Logger;
  /** Milliseconds between rounds. */
  everyMs: number;
  brake: Brake;
  lease: Lease;
  /** Work that is due less often. It is not awaited, because it may take long. It never rejects. */
  seldom: (() => Promise<void>)[];
}

/**
 * What every worker does for all, in rounds: refreshing pauses, probing paused providers, applying
 * verdicts, releasing the jobs of workers that are gone, and adopting jobs that others failed. The
 * heartbeat does not depend on it.
 */
export class Housekeeping {
  readonly #options: HousekeepingOptions;
  #roundTimer: NodeJS.Timeout | undefined;
  #verdictTimer: NodeJS.Timeout | undefined;
  #ended = false;
  #probing = false;
  /** Current errors by kind of work. Each is logged once, when it begins. */
  readonly #troubles = new Map<string, string>();

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  /** Does the first round, and starts the others. */
  async start(): Promise<void> {
    await this.#round();
    this.#schedule();
  }

  /** No round starts any more. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#roundTimer);
    clearTimeout(this.#verdictTimer);
  }

  /** Applies a verdict that was just stored, without waiting for the next round. */
  verdictGiven(): void {
    if (this.#verdictTimer || this.#ended) return;
    this.#verdictTimer = setTimeout(async () => {
      this.#verdictTimer = undefined;
      try {
        const { waiting } = await applyVerdicts(this.#options.db);
        if (waiting > 0) this.verdictGiven();
      } catch {
        // The next round applies it.
      }
    }, VERDICT_MS);
  }

  #schedule(): void {
    this.#roundTimer = setTimeout(async () => {
      await this.#round();
      if (!this.#ended) this.#schedule();
    }, this.#options.everyMs);
  }

  /** The kinds of work are independent: an error in one does not block the others. */
  async #round(): Promise<void> {
    const { db, brake, lease, seldom } = this.#options;
    await this.#run('pauses', () => brake.refresh());
    this.#probe();
    await this.#run('verdicts', () => applyVerdicts(db));
    // After an outage, other workers first get time to reconnect.
    if (lease.isSettled()) await this.#run('gone workers', () => this.#releaseGone());
    await this.#run('jobs failed by others', () => adoptFailures(db, holdUnfinished));
    if (!this.#ended) for (const work of seldom) work();
  }

  /** Not awaited, because a provider may take long to answer. */
  #probe(): void {
    if (this.#probing) return;
    this.#probing = true;
    this.#run('probes', () => this.#options.brake.probeDue()).finally(() => {
      this.#probing = false;
    });
  }

  async #run(what: string, work: () => Promise<unknown>): Promise<void> {
    const { log } = this.#options;
    if (this.#ended) return;
    try {
      await work();
      this.#troubles.delete(what);
    } catch (error) {
      // The worker has closed its connections.
      if (this.#ended) return;
      const { message } = error as Error;
      if (this.#troubles.get(what) === message) return;
      this.#troubles.set(what, message);
      if (isPassing(error)) log.warn({ error: message }, `${describeOutage(error)}; trying again`);
      else log.error({ error: message }, `housekeeping failed: ${what}`);
    }
  }

  async #releaseGone(): Promise<void> {
    const { db, log } = this.#options;
    const { released, failures } = await releaseGoneWorkers(db);
    for (const { id, host, pid, running } of released) {
      log.warn(
        { worker: id, host, pid, jobs: running.map(({ job }) => job) },
        `worker ${id} is gone; its jobs are released`,
      );
    }
    const [first] = failures;
    if (first)
      throw new Error(
        `worker ${first.id} is gone but its jobs cannot be released: ${first.error.message}`,
      );
  }
}
