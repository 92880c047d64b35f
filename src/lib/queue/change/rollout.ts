import { setTimeout as wait } from 'node:timers/promises';
import type { Outcomes, Pacing, Stop } from '../../bulk/change.ts';
import { CHUNK, INTERRUPTED } from '../../bulk/pacing.ts';
import type { Queryable } from '../../db/database.ts';
import { UserError } from '../../errors.ts';
import { listPauses } from '../run/pauses.ts';
import { listWorkers } from '../run/workers.ts';
import { TASKS } from '../tasks.ts';
import type { JobPlan } from './plan.ts';

const LOOK_AGAIN_MS = 250;
/** Workers of other tools have no heartbeat here, so for their jobs the rollout can only wait. */
const PATIENCE_MS = 120_000;
/** After this time without progress the rollout checks whether a worker is alive. */
const STILL_MS = 5000;
const GROWTH = 10;

const CANARY_FAILED: Stop = {
  code: 'canary_failed',
  message: 'the canary failed, so the rest was not changed',
};
const TOO_MANY_FAILURES: Stop = {
  code: 'too_many_failures',
  message: 'too many jobs failed, so the rest was not changed',
};
const NOBODY_RUNS_THEM: Stop = {
  code: 'nobody_runs_them',
  message: 'no worker runs these jobs any more, so the rest was not changed',
};

export interface RolloutOptions {
  db: Queryable;
  /** The number of jobs in the canary. */
  canary: number;
  /** The share of failures above which the rollout stops, from 0 to 1. */
  maxFailures: number;
  signal: AbortSignal;
  onWait: (outcomes: Outcomes) => void;
}

/**
 * Releases a canary first, and then each chunk when the outcomes of the previous one are known. The
 * canary must succeed; the rest may fail up to a share.
 *
 * @throws UserError `failed` when the canary could not run: a task is paused, or has no worker.
 */
export async function startRollout(plan: JobPlan, options: RolloutOptions): Promise<Pacing> {
  const tasks = plan.tasks.map(({ task }) => task);
  const paused = (await listPauses(options.db)).find(({ task }) => tasks.includes(task));
  if (paused) {
    throw new UserError(
      'failed',
      `${paused.task} is paused, so the canary would not run`,
      `Resume it first: donations jobs resume ${paused.task}`,
    );
  }
  const alone = await taskWithoutWorker(options.db, tasks);
  if (alone !== undefined) {
    throw new UserError(
      'failed',
      `no live worker runs ${alone}, so the canary would not run`,
      `Start one first: donations worker start --tasks ${alone}`,
    );
  }
  return new Rollout(tasks, options);
}

/** One of our tasks that no live worker runs. Workers of other tools have no heartbeat here. */
async function taskWithoutWorker(db: Queryable, tasks: string[]): Promise<string | undefined> {
  const alive = (await listWorkers(db)).filter(({ state }) => state === 'alive');
  return tasks.find(
    (task) => task in TASKS && !alive.some((worker) => worker.tasks.includes(task)),
  );
}

class Rollout implements Pacing {
  readonly atOnce = 1;
  stopped: Stop | undefined;
  readonly outcomes: Outcomes = { succeeded: 0, failed: 0, pending: 0 };
  readonly #tasks: string[];
  readonly #options: RolloutOptions;
  #size: number;
  #watched: string | undefined;

  constructor(tasks: string[], options: RolloutOptions) {
    this.#tasks = tasks;
    this.#options = options;
    this.#size = options.canary;
  }

  async next(last: string | undefined): Promise<number> {
    if (last !== undefined && last !== this.#watched) {
      const isCanary = this.#watched === undefined;
      this.#watched = last;
      const fared = await this.#watch(last);
      this.stopped ??= this.#verdict(isCanary, fared);
      this.#size = Math.min(CHUNK, this.#size * GROWTH);
    }
    if (this.#options.signal.aborted) this.stopped ??= INTERRUPTED;
    return this.stopped ? 0 : this.#size;
  }

  #verdict(isCanary: boolean, { failed }: Outcomes): Stop | undefined {
    if (isCanary && failed > 0) return CANARY_FAILED;
    const { succeeded, failed: all } = this.outcomes;
    return all > this.#options.maxFailures * (succeeded + all) ? TOO_MANY_FAILURES : undefined;
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
      if (now.pending > 0 && (await this.#isAbandoned(performance.now() - moved)))
        this.stopped = NOBODY_RUNS_THEM;
      if (now.pending === 0 || signal.aborted || this.stopped) {
        this.outcomes.succeeded += now.succeeded;
        this.outcomes.failed += now.failed;
        this.outcomes.pending += now.pending;
        return now;
      }
      await wait(LOOK_AGAIN_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** Whether no worker runs the jobs any more, when there was no progress for `stillMs`. */
  async #isAbandoned(stillMs: number): Promise<boolean> {
    if (stillMs > PATIENCE_MS) return true;
    if (stillMs < STILL_MS) return false;
    return (await taskWithoutWorker(this.#options.db, this.#tasks)) !== undefined;
  }
}

/**
 * The outcomes of retried jobs: a job that has left the queue succeeded, one that waits again
 * failed.
 * @param ids as a Postgres array.
 */
async function outcomesOf(db: Queryable, ids: string): Promise<Outcomes> {
  const { rows } = await db.query<Outcomes>(
    `with seen as (
       select case
         when j.id is null then 'succeeded'
         -- The verdict is not applied yet; the attempt may turn out not to count.
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
