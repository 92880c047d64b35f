import { setTimeout as wait } from 'node:timers/promises';
import type { Queryable } from '../../db/database.ts';
import { type ApplyOptions, CHUNK } from './apply.ts';

export interface Outcomes {
  succeeded: number;
  failed: number;
  pending: number;
}

/** Why a change ended before all was done. */
export type Stop = 'interrupted' | 'canary_failed' | 'too_many_failures' | 'nobody_runs_them';

const NONE = '{}';
const LOOK_AGAIN_MS = 250;
const PATIENCE_MS = 120_000;
const GROWTH = 10;

/**
 * How jobs fared that were run again: one that is gone has succeeded, one that waits again has failed.
 * @param ids as a Postgres array.
 */
export async function outcomesOf(db: Queryable, ids: string): Promise<Outcomes> {
  const { rows } = await db.query<Outcomes>(
    `with seen as (
       select case
         when j.id is null then 'succeeded'
         -- Its verdict is not carried over yet, which may be that the attempt did not count.
         when v.decision = 'retry' then 'pending'
         when v.decision is not null or (j.locked_at is null and j.attempts > 0) then 'failed'
         else 'pending' end as outcome
       from unnest($1::bigint[]) as c(id)
       left join graphile_worker._private_jobs j on j.id = c.id
       left join donations.job_verdicts v on v.job_id = c.id
     )
     select count(*) filter (where outcome = 'succeeded')::int as succeeded,
       count(*) filter (where outcome = 'failed')::int as failed,
       count(*) filter (where outcome = 'pending')::int as pending
     from seen`,
    [ids],
  );
  return rows[0] ?? { succeeded: 0, failed: 0, pending: 0 };
}

/**
 * How large each chunk may be. Without a canary, as large as is good for Postgres. With one, its
 * jobs are first, and each chunk waits until it is known how the one before fared: the canary must
 * succeed, the rest may fail up to a share.
 */
export class Pacing {
  stopped: Stop | undefined;
  readonly outcomes: Outcomes = { succeeded: 0, failed: 0, pending: 0 };
  readonly #options: PacingOptions;
  #size: number;
  #watched = NONE;

  constructor(options: PacingOptions) {
    this.#options = options;
    this.#size = options.canary ?? CHUNK;
  }

  /** Chunks at once: Postgres writes one while it looks for another. */
  get atOnce(): number {
    return this.#options.canary === undefined ? 2 : 1;
  }

  next: ApplyOptions['next'] = async (last) => {
    const { canary, signal } = this.#options;
    if (canary !== undefined && last !== NONE && last !== this.#watched) {
      const isCanary = this.#watched === NONE;
      this.#watched = last;
      const fared = await this.#watch(last);
      this.stopped ??= this.#verdict(isCanary, fared);
      this.#size = Math.min(CHUNK, this.#size * GROWTH);
    }
    if (signal.aborted) this.stopped ??= 'interrupted';
    return this.stopped ? 0 : this.#size;
  };

  #verdict(isCanary: boolean, { failed }: Outcomes): Stop | undefined {
    if (isCanary && failed > 0) return 'canary_failed';
    const { succeeded, failed: all } = this.outcomes;
    return all > this.#options.maxFailures * (succeeded + all) ? 'too_many_failures' : undefined;
  }

  async #watch(ids: string): Promise<Outcomes> {
    const { db, signal, onWait } = this.#options;
    let moved = performance.now();
    let before = Number.POSITIVE_INFINITY;
    for (;;) {
      const now = await outcomesOf(db, ids);
      onWait(now);
      if (now.pending < before) moved = performance.now();
      before = now.pending;
      if (now.pending > 0 && performance.now() - moved > PATIENCE_MS)
        this.stopped = 'nobody_runs_them';
      if (now.pending === 0 || signal.aborted || this.stopped) {
        this.outcomes.succeeded += now.succeeded;
        this.outcomes.failed += now.failed;
        this.outcomes.pending += now.pending;
        return now;
      }
      await wait(LOOK_AGAIN_MS, undefined, { signal }).catch(() => {});
    }
  }
}

export interface PacingOptions {
  db: Queryable;
  /** How many go first. */
  canary: number | undefined;
  /** The share of failures beyond which it stops, from 0 to 1. */
  maxFailures: number;
  signal: AbortSignal;
  onWait: (outcomes: Outcomes) => void;
}
