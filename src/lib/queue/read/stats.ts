import type { Queryable } from '../../db/database.ts';
import { FAILED_BY, FAILED_LATELY, NOT_JUDGED } from '../run/adopt.ts';
import { listPauses, type Pause } from '../run/pauses.ts';
import type { RunningJob } from '../run/workers.ts';
import { RUNNING as IS_RUNNING, WAITING, WAITING_AS, WILL_RETRY } from '../states.ts';

/** The 50th, 95th and 99th percentile in milliseconds. */
export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

/** The state of one task now and its rates over the last window. */
export interface TaskStats {
  task: string;
  ready: number;
  running: number;
  retrying: number;
  scheduled: number;
  failed: number;
  held: number;
  /** Jobs a minute. */
  enqueuedPerMinute: number;
  donePerMinute: number;
  /** Attempts that ended in this time. */
  attempts: number;
  /** Share of failed attempts, from 0 to 1; null without attempts. */
  errorRate: number | null;
  latency: Percentiles | null;
  duration: Percentiles | null;
  /** When the longest-waiting job became due. */
  oldestReady: Date | null;
  /** Milliseconds until the backlog is empty at the present rate; null when it does not shrink. */
  drainMs: number | null;
}

export interface QueueStats {
  at: Date;
  /**
   * The time in milliseconds that the rates cover: the window, or less when the attempts are
   * bounded.
   */
  spanMs: number;
  tasks: TaskStats[];
  pauses: Pause[];
  /** The counts that stopped at their bound; there are at least that many. */
  more: Set<'ready' | 'later' | 'failed' | 'enqueued'>;
}

/** The bounds on what is read; see `more`. */
export interface Bounds {
  jobs: number;
  attempts: number;
}
const BOUNDS: Bounds = { jobs: 100_000, attempts: 20_000 };

const readySql = ({ jobs }: Bounds) => `
  select task_id, count(*)::int as ready, min(run_at) as oldest
  from (select j.task_id, j.run_at from graphile_worker._private_jobs j
        where ${WAITING} and ${WAITING_AS.ready} order by j.priority, j.run_at limit ${jobs}) w
  group by task_id`;
const laterSql = ({ jobs }: Bounds) => `
  select task_id, count(*) filter (where begun)::int as retrying,
    count(*) filter (where not begun)::int as scheduled
  from (select j.task_id, ${WILL_RETRY} as begun from graphile_worker._private_jobs j
        where ${WAITING} and j.run_at > now() order by j.priority, j.run_at limit ${jobs}) w
  group by task_id`;
const runningSql = ({ jobs }: Bounds) => `
  select task_id, count(*)::int as running
  from (select j.task_id from graphile_worker._private_jobs j
        where ${IS_RUNNING} order by j.locked_at limit ${jobs}) w
  group by task_id`;
// Nearly all have verdicts: workers fail thousands a minute when a provider refuses everything.
const failedByOthersSql = ({ attempts }: Bounds) => `
  select task_id, count(*)::int as looked, count(*) filter (where ${NOT_JUDGED})::int as failed
  from (select j.id, j.task_id from graphile_worker._private_jobs j
        where ${FAILED_LATELY} order by ${FAILED_BY} desc limit ${attempts}) j
  group by task_id`;
const judgedSql = ({ jobs }: Bounds) => `
  select task, count(*) filter (where decision = 'fail')::int as failed,
    count(*) filter (where decision = 'hold')::int as held
  from (select task, decision from donations.job_verdicts
        where decision <> 'retry' order by decided_at desc limit ${jobs}) w
  group by task`;
const attemptsSql = ({ attempts }: Bounds) => `
  with latest as materialized (
    select task, attempt, outcome, latency_ms, duration_ms, started_at from donations.job_attempts
    where started_at >= now() - $1::interval order by started_at desc limit ${attempts}
  ), span as (
    select now() as at, case when count(*) < ${attempts} then now() - $1::interval
      else min(started_at) end as begun from latest
  )
  select s.at, s.begun, a.* from span s left join (
    select task,
      count(*) filter (where outcome in ('succeeded', 'declined'))::int as done,
      count(*) filter (where outcome in ('retry', 'failed', 'held', 'abandoned'))::int as errors,
      count(*) filter (where outcome <> 'parked')::int as attempts,
      -- Those that have left the queue and became due in this time.
      count(*) filter (where outcome in ('succeeded', 'declined') and attempt = 1
        and started_at - make_interval(secs => latency_ms / 1000.0) >= (select begun from span))::int as gone,
      percentile_disc(array[0.5, 0.95, 0.99]) within group (order by latency_ms) as latency,
      percentile_disc(array[0.5, 0.95, 0.99]) within group (order by duration_ms) as duration
    from latest group by task) a on true`;
const enqueuedSql = ({ attempts }: Bounds) => `
  select task_id, count(*)::int as enqueued
  from (select task_id, created_at from graphile_worker._private_jobs
        order by id desc limit ${attempts}) w
  where created_at >= $1 group by task_id`;

interface AttemptsRow {
  at: Date;
  begun: Date;
  task: string | null;
  done: number;
  errors: number;
  attempts: number;
  gone: number;
  latency: number[];
  duration: number[];
}

interface Counts {
  ready: number;
  oldest: Date | null;
  running: number;
  retrying: number;
  scheduled: number;
  failed: number;
  held: number;
  enqueued: number;
  ledger: AttemptsRow | undefined;
}

/**
 * Statistics of the queue by task: backlog, throughput, latency. All reads are bounded, so the cost
 * does not depend on the length of the queue.
 *
 * @param windowMs the window of rates and percentiles.
 */
export async function queueStats(
  tx: Queryable,
  windowMs: number,
  bounds = BOUNDS,
): Promise<QueueStats> {
  const { rows: names } = await tx.query<{ id: number; task: string }>(
    'select id, identifier as task from graphile_worker._private_tasks',
  );
  const tasks = new Map<string, Counts>();
  const counts = (task: string): Counts => {
    const found = tasks.get(task) ?? {
      ready: 0,
      oldest: null,
      running: 0,
      retrying: 0,
      scheduled: 0,
      failed: 0,
      held: 0,
      enqueued: 0,
      ledger: undefined,
    };
    tasks.set(task, found);
    return found;
  };
  const named = new Map(names.map(({ id, task }) => [id, task]));
  const nameOf = (id: number) => named.get(id) ?? `task ${id}`;
  /** Adds numeric columns to the counts of their tasks and returns the totals. */
  const add = async (sql: string, values: unknown[] = []): Promise<number> => {
    const { rows } = await tx.query<Record<string, unknown>>(sql, values);
    let sum = 0;
    for (const { task, task_id, ...columns } of rows) {
      const own = counts((task as string) ?? nameOf(task_id as number));
      for (const [name, value] of Object.entries(columns)) {
        if (value instanceof Date) own.oldest = value;
        else if (typeof value === 'number') {
          own[name as 'ready'] += value;
          sum += value;
        }
      }
    }
    return sum;
  };

  const { rows: ledger } = await tx.query<AttemptsRow>(attemptsSql(bounds), [
    `${windowMs} milliseconds`,
  ]);
  for (const row of ledger) if (row.task !== null) counts(row.task).ledger = row;
  const { at, begun } = ledger[0] as AttemptsRow;
  const spanMs = Math.max(1, at.getTime() - begun.getTime());
  const more: QueueStats['more'] = new Set();
  if ((await add(readySql(bounds))) >= bounds.jobs) more.add('ready');
  if ((await add(laterSql(bounds))) >= bounds.jobs) more.add('later');
  await add(runningSql(bounds));
  const failed = await add(judgedSql(bounds));
  const { rows: lately } = await tx.query<{ task_id: number; looked: number; failed: number }>(
    failedByOthersSql(bounds),
  );
  for (const row of lately) if (row.failed > 0) counts(nameOf(row.task_id)).failed += row.failed;
  const sum = (name: 'looked' | 'failed') => lately.reduce((total, row) => total + row[name], 0);
  // Jobs beyond the bound are counted as soon as a worker has adopted them.
  const isCut = sum('looked') >= bounds.attempts && sum('failed') > 0;
  if (failed + sum('failed') >= bounds.jobs || isCut) more.add('failed');
  if ((await add(enqueuedSql(bounds), [begun])) >= bounds.attempts) more.add('enqueued');
  const pauses = await listPauses(tx);
  for (const { task } of pauses) counts(task);
  return {
    at,
    spanMs,
    pauses,
    more,
    tasks: [...tasks]
      .map(([task, own]) => toStats(task, own, spanMs))
      .sort((a, b) => b.ready - a.ready || (a.task < b.task ? -1 : 1)),
  };
}

function toStats(task: string, own: Counts, spanMs: number): TaskStats {
  const { ledger, oldest, enqueued, ...now } = own;
  const perMinute = (count: number) => (count * 60_000) / spanMs;
  const enqueuedPerMinute = perMinute(enqueued + (ledger?.gone ?? 0));
  const donePerMinute = perMinute(ledger?.done ?? 0);
  return {
    task,
    ...now,
    enqueuedPerMinute,
    donePerMinute,
    attempts: ledger?.attempts ?? 0,
    errorRate: ledger && ledger.attempts > 0 ? ledger.errors / ledger.attempts : null,
    latency: ledger ? percentiles(ledger.latency) : null,
    duration: ledger ? percentiles(ledger.duration) : null,
    oldestReady: oldest,
    drainMs: drainTime(now.ready, donePerMinute - enqueuedPerMinute),
  };
}

/** Milliseconds until the backlog is empty at a net rate per minute; null when it never is. */
function drainTime(ready: number, netPerMinute: number): number | null {
  if (ready === 0) return 0;
  return netPerMinute > 0 ? (ready / netPerMinute) * 60_000 : null;
}

const percentiles = ([p50 = 0, p95 = 0, p99 = 0]: number[]): Percentiles => ({ p50, p95, p99 });

/** What ran at a moment of the past, by the ledger of attempts. */
export interface Ran {
  /** The attempts that were under way and have ended since, with the worker that ran each. */
  running: (RunningJob & { worker: string | null })[];
  /** Of each task the attempts that began in the window before. */
  tasks: Map<string, Pick<TaskStats, 'attempts' | 'errorRate' | 'latency' | 'duration'>>;
}

/** A longer attempt is not looked for. */
const LONGEST_ATTEMPT = '1 hour';

/**
 * Reads what ran at a moment of the past. An attempt is in the ledger when it has ended.
 *
 * @param windowMs the window of rates and percentiles.
 */
export async function ranAt(tx: Queryable, at: Date, windowMs: number): Promise<Ran> {
  const { rows: running } = await tx.query<RunningJob & { worker: string | null; at: Date }>(
    `select job_id::text as job, task, attempt, claim, donation_id as donation, worker_id as worker, started_at as at
     from donations.job_attempts
     where started_at > $1::timestamptz - interval '${LONGEST_ATTEMPT}' and started_at < $1
       and started_at + make_interval(secs => duration_ms / 1000) > $1
     order by started_at limit ${BOUNDS.jobs}`,
    [at],
  );
  const { rows } = await tx.query<Omit<AttemptsRow, 'at' | 'begun'> & { task: string }>(
    `select task, count(*)::int as attempts,
       count(*) filter (where outcome in ('retry', 'failed', 'held', 'abandoned'))::int as errors,
       percentile_disc(array[0.5, 0.95, 0.99]) within group (order by latency_ms) as latency,
       percentile_disc(array[0.5, 0.95, 0.99]) within group (order by duration_ms) as duration
     from (select task, outcome, latency_ms, duration_ms from donations.job_attempts
           where started_at >= $1::timestamptz - $2::interval and started_at < $1 and outcome <> 'parked'
           order by started_at desc limit ${BOUNDS.attempts}) latest
     group by task`,
    [at, `${windowMs} milliseconds`],
  );
  return {
    running: running.map(({ at, ...job }) => ({ ...job, since: at.toISOString() })),
    tasks: new Map(
      rows.map(({ task, attempts, errors, latency, duration }) => [
        task,
        {
          attempts,
          errorRate: errors / attempts,
          latency: percentiles(latency),
          duration: percentiles(duration),
        },
      ]),
    ),
  };
}
