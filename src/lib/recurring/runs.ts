import type { Queryable } from '../db/database.ts';
import { IS_GONE } from '../queue/run/workers.ts';
import { MINUTE_MS, RECURRING, RECURRING_NAMES, type RecurringName } from './tasks.ts';

/** A run that began longer ago than this and has no end was cut off. */
const LONGEST_RUN_MS = 15 * MINUTE_MS;
const MOST_ERROR = 1000;

/**
 * Runs recurring work whose turn this worker has taken, and records when it began and how it ended.
 * A worker that dies meanwhile leaves a run without an end.
 *
 * @param work resolves with what went wrong in a part of it, if anything did.
 * @throws what `work` throws, once that is recorded.
 */
export async function recordRun(
  db: Queryable,
  name: RecurringName,
  work: () => Promise<string | undefined>,
): Promise<void> {
  await db.query(
    `insert into donations.recurring_runs (name, started_at) values ($1, now())
     on conflict (name) do update set started_at = excluded.started_at`,
    [name],
  );
  const start = performance.now();
  const end = (error: string | undefined) =>
    db.query(
      `update donations.recurring_runs set ended_at = now(), duration_ms = $2, error = $3,
         outcome = case when $3::text is null then 'succeeded' else 'failed' end,
         succeeded_at = case when $3::text is null then now() else succeeded_at end
       where name = $1`,
      [name, performance.now() - start, error?.slice(0, MOST_ERROR) ?? null],
    );
  try {
    await end(await work());
  } catch (error) {
    // If Postgres is unavailable, the first error says so, and the run stays without an end.
    await end((error as Error).message).catch(() => {});
    throw error;
  }
}

/**
 * SQL: of each kind `name` in the list `$1` the time in milliseconds since it last succeeded, counted
 * only while a worker is alive. No row when no worker is alive.
 */
export const SINCE_SUCCESS = `
  select kinds.name as subject,
    greatest(0, extract(epoch from now() - greatest(r.succeeded_at, alive.since)))::float8 * 1000 as value
  from unnest($1::text[]) as kinds(name)
  cross join (select min(started_at) as since from donations.workers w
    where stopped_at is null and released_at is null and not ${IS_GONE}) alive
  left join donations.recurring_runs r on r.name = kinds.name
  where alive.since is not null`;

export interface RecurringTask {
  name: string;
  about: string;
  /** The interval in milliseconds; null when only the process that schedules it knows. */
  everyMs: number | null;
  state: 'succeeded' | 'failed' | 'running' | 'unfinished' | 'late' | 'never' | 'unknown';
  lastRun: Date | null;
  /** Of the latest run that ended. */
  outcome: 'succeeded' | 'failed' | null;
  durationMs: number | null;
  error: string | null;
  lastSuccess: Date | null;
  /** Null when no worker is alive to run it, or when it is not known. */
  nextRun: Date | null;
}

export interface RecurringTasks {
  at: Date;
  /** Whether a worker is alive. Without one nothing recurs. */
  isWorked: boolean;
  tasks: RecurringTask[];
}

interface Row {
  name: RecurringName;
  started_at: Date | null;
  ended_at: Date | null;
  duration_ms: number | null;
  outcome: 'succeeded' | 'failed' | null;
  error: string | null;
  succeeded_at: Date | null;
  since_success: number | null;
  at: Date;
}

/** Lists recurring tasks: those of the workers, and those that Graphile Worker's crontab added here. */
export async function listRecurring(tx: Queryable): Promise<RecurringTasks> {
  const { rows } = await tx.query<Row>(
    `with late as (${SINCE_SUCCESS})
     select kinds.name, r.started_at, r.ended_at, r.duration_ms, r.outcome, r.error, r.succeeded_at,
       late.value as since_success, now() as at
     from unnest($1::text[]) with ordinality as kinds(name, nth)
     left join donations.recurring_runs r on r.name = kinds.name
     left join late on late.subject = kinds.name
     order by kinds.nth`,
    [RECURRING_NAMES],
  );
  const { rows: crontab } = await tx.query<{ identifier: string; last_execution: Date | null }>(
    `select identifier, last_execution from graphile_worker._private_known_crontabs order by identifier`,
  );
  return {
    at: rows[0]?.at ?? new Date(),
    isWorked: rows.some((row) => row.since_success !== null),
    tasks: [
      ...rows.map(toTask),
      ...crontab.map(
        ({ identifier, last_execution }): RecurringTask => ({
          name: identifier,
          about: 'in a crontab of Graphile Worker, which adds a job at each run',
          everyMs: null,
          state: last_execution ? 'unknown' : 'never',
          lastRun: last_execution,
          outcome: null,
          durationMs: null,
          error: null,
          lastSuccess: null,
          nextRun: null,
        }),
      ),
    ],
  };
}

function toTask(row: Row): RecurringTask {
  const { everyMs, about } = RECURRING[row.name];
  const { started_at: started, since_success: sinceSuccess } = row;
  return {
    name: row.name,
    about,
    everyMs,
    state: stateOf(row, everyMs),
    lastRun: started,
    outcome: row.outcome,
    durationMs: row.duration_ms,
    error: row.error,
    lastSuccess: row.succeeded_at,
    nextRun:
      sinceSuccess === null ? null : new Date((started?.getTime() ?? row.at.getTime()) + everyMs),
  };
}

function stateOf(row: Row, everyMs: number): RecurringTask['state'] {
  const { started_at: started, ended_at: ended, outcome, since_success: sinceSuccess, at } = row;
  // A whole turn was missed. The shortest turns get a minute, because a look can take that long.
  const isLate = sinceSuccess !== null && sinceSuccess > everyMs + Math.max(everyMs, MINUTE_MS);
  if (isLate && outcome !== 'failed') return 'late';
  if (!started) return 'never';
  if (ended && ended >= started) return outcome ?? 'unknown';
  return at.getTime() - started.getTime() < LONGEST_RUN_MS ? 'running' : 'unfinished';
}
