import { statfs } from 'node:fs/promises';
import type { Db, Queryable } from '../db/database.ts';
import { readWithin } from '../db/read.ts';
import { UserError } from '../errors.ts';
import { countJobs } from '../queue/read/list.ts';
import { parseJobFilter } from '../queue/read/vocabulary.ts';
import { FAILED_BY_OTHERS } from '../queue/run/adopt.ts';
import type { PauseCause } from '../queue/run/pauses.ts';
import { IS_GONE } from '../queue/run/workers.ts';
import { RUNNING, WAITING } from '../queue/states.ts';
import { SINCE_SUCCESS } from '../recurring/runs.ts';
import { RECURRING_NAMES } from '../recurring/tasks.ts';
import { findContradictions } from '../webhooks/contradictions.ts';
import { kindFacts, type Rule, type RuleKind } from './rule-kinds.ts';
import type { Reading } from './rules.ts';

export interface Observation {
  /** By the database's clock. */
  at: Date;
  readings: Reading[];
  /** The rules that could not be read in time. */
  unread: Set<string>;
}

interface Measured {
  subject: string;
  value: number;
  more?: boolean;
}

/** Counting stops here, so that one look costs the same however long the queue is. */
const BOUND = 100_000;
const ATTEMPTS_BOUND = 50_000;

const READY = `
  select t.identifier as subject, count(*)::int as ready,
    extract(epoch from now() - min(w.run_at))::float8 * 1000 as wait
  from (select j.task_id, j.run_at from graphile_worker._private_jobs j
        where ${WAITING} and j.run_at <= now() order by j.priority, j.run_at limit $1) w
  join graphile_worker._private_tasks t on t.id = w.task_id group by 1`;
const LONGEST = `
  select t.identifier as subject,
    extract(epoch from now() - min(j.locked_at))::float8 * 1000 as value
  from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
  where ${RUNNING} group by 1`;
const STANDING = `
  select subject, sum(value)::int as value from (
    select task as subject, count(*) as value
    from (select task from donations.job_verdicts
          where decision <> 'retry' and decision = $1 limit ${BOUND}) v group by 1
    union all
    select t.identifier, count(*)
    from (select j.task_id from graphile_worker._private_jobs j
          where $1 = 'fail' and ${FAILED_BY_OTHERS} limit ${BOUND}) j
    join graphile_worker._private_tasks t on t.id = j.task_id group by 1) both_kinds
  group by 1`;
// A parked attempt says nothing of how the task does.
const ERRORS = `
  select task as subject, count(*)::int as attempts,
    count(*) filter (where outcome in ('retry', 'failed', 'held', 'abandoned'))::int as errors
  from (select task, outcome from donations.job_attempts
        where started_at >= now() - make_interval(secs => $1::float8 / 1000) and outcome <> 'parked'
        order by started_at desc limit ${ATTEMPTS_BOUND}) latest
  group by 1`;
const WORKERS = `
  select count(*) filter (where stopped_at is null and released_at is null and not ${IS_GONE})::int as alive,
    extract(epoch from now() - max(seen_at))::float8 * 1000 as silent,
    (select extract(epoch from now() - min(run_at))::float8 * 1000
     from (select j.run_at from graphile_worker._private_jobs j
           where j.is_available = true and j.run_at <= now()
           order by j.priority, j.run_at limit 1000) first_in_line) as waited
  from donations.workers w`;

/** What a rule watches, measured now. */
async function measure(tx: Queryable, rule: Rule, seen: Seen): Promise<Measured[]> {
  if (rule.filter) return ofFilter(tx, rule, rule.filter);
  const found = await LOOKS[rule.kind](tx, rule, seen);
  if (rule.task) return found.filter(({ subject }) => subject === rule.task);
  if (!rule.together || found.length === 0) return found;
  const values = found.map(({ value }) => value);
  const isSum = kindFacts(rule.kind).unit === 'count';
  return [
    {
      subject: '',
      value: isSum ? values.reduce((sum, value) => sum + value, 0) : Math.max(...values),
      more: found.some(({ more }) => more),
    },
  ];
}

/** What was read for an earlier rule of the same evaluation. */
interface Seen {
  ready?: Promise<{ subject: string; ready: number; wait: number }[]>;
}

type Look = (tx: Queryable, rule: Rule, seen: Seen) => Promise<Measured[]>;

const LOOKS: Record<RuleKind, Look> = {
  async backlog(tx, _rule, seen) {
    const ready = await readReady(tx, seen);
    const isCut = ready.reduce((sum, row) => sum + row.ready, 0) >= BOUND;
    return ready.map((row) => ({ subject: row.subject, value: row.ready, more: isCut }));
  },
  wait: async (tx, _rule, seen) =>
    (await readReady(tx, seen)).map(({ subject, wait }) => ({ subject, value: Math.max(0, wait) })),
  errors: shareOfErrors,
  failed: (tx) => read(tx, STANDING, ['fail']),
  held: (tx) => read(tx, STANDING, ['hold']),
  stuck: (tx) => read(tx, LONGEST),
  workers: silenceOfWorkers,
  circuit: (tx) => pausedBy(tx, 'circuit'),
  refused: (tx) => pausedBy(tx, 'misconfigured'),
  paused: (tx) => pausedBy(tx, 'operator'),
  late: (tx) => read(tx, SINCE_SUCCESS, [RECURRING_NAMES]),
  receipts_held: (tx) =>
    count(
      tx,
      `select 1 from donations.receipt_deliveries where needs_attention and status = 'held'`,
    ),
  bounced: (tx, { windowMs }) =>
    count(
      tx,
      `select 1 from donations.webhook_events where provider = 'sendgrid' and type in ('bounce', 'dropped')
         and received_at >= now() - make_interval(secs => $1::float8 / 1000)`,
      [windowMs],
    ),
  contradictions: async (tx) => [{ subject: '', value: (await findContradictions(tx)).length }],
  ledger: (tx) => count(tx, 'select 1 from donations.job_attempts_default'),
  // Not the database's to say; see `diskUse`.
  disk: async () => [],
};

async function read<T extends object = Measured>(
  tx: Queryable,
  sql: string,
  values: unknown[] = [],
): Promise<T[]> {
  return (await tx.query<T>(sql, values)).rows;
}

function readReady(tx: Queryable, seen: Seen) {
  seen.ready ??= read(tx, READY, [BOUND]);
  return seen.ready;
}

async function count(tx: Queryable, sql: string, values: unknown[] = []): Promise<Measured[]> {
  const [row] = await read<{ value: number }>(
    tx,
    `select count(*)::int as value from (${sql} limit ${BOUND}) bounded`,
    values,
  );
  const value = row?.value ?? 0;
  return [{ subject: '', value, more: value >= BOUND }];
}

async function shareOfErrors(
  tx: Queryable,
  { windowMs, minimum, together }: Rule,
): Promise<Measured[]> {
  const rows = await read<{ subject: string; attempts: number; errors: number }>(tx, ERRORS, [
    windowMs,
  ]);
  const sum = (field: 'attempts' | 'errors') => rows.reduce((all, row) => all + row[field], 0);
  const counted = together
    ? [{ subject: '', attempts: sum('attempts'), errors: sum('errors') }]
    : rows;
  return counted.map(({ subject, attempts, errors }) => ({
    subject,
    value: attempts >= Math.max(1, minimum) ? errors / attempts : 0,
  }));
}

async function silenceOfWorkers(tx: Queryable): Promise<Measured[]> {
  const [row] = await read<{ alive: number; silent: number | null; waited: number | null }>(
    tx,
    WORKERS,
  );
  if (!row || row.alive > 0) return [{ subject: '', value: 0 }];
  // Where no worker has ever run, one is missed as soon as a job waits for it.
  return [{ subject: '', value: Math.max(0, row.silent ?? row.waited ?? 0) }];
}

const pausedBy = (tx: Queryable, cause: PauseCause) =>
  read(
    tx,
    `select task as subject, greatest(0, extract(epoch from now() - since))::float8 * 1000 as value
     from donations.task_pauses where cause = $1 and (until is null or until > now())`,
    [cause],
  );

async function ofFilter(tx: Queryable, rule: Rule, filter: string): Promise<Measured[]> {
  const state = rule.kind === 'backlog' ? 'ready' : rule.kind;
  const jobs = parseJobFilter(`state:${state} ${filter}`);
  const { count, more } = await countJobs(tx, jobs, BOUND);
  return [{ subject: '', value: count, more }];
}

/** One look takes no longer than this. */
const LOOK_MS = 3000;

/**
 * Measures what the rules watch, each in a snapshot of its own: one that takes too long spoils no
 * other.
 *
 * @param withinMs what all looks together may take.
 * @param dataDir of the embedded database, whose disk is this machine's; undefined for another's.
 * @throws what Postgres throws when it is away.
 */
export async function observe(
  db: Db,
  { rules, withinMs, dataDir }: { rules: Rule[]; withinMs: number; dataDir?: string | undefined },
): Promise<Observation> {
  const deadline = performance.now() + withinMs;
  const unread = new Set<string>();
  const readings: Reading[] = [];
  const seen: Seen = {};
  for (const rule of rules.filter(({ enabled }) => enabled)) {
    const leftMs = Math.min(LOOK_MS, deadline - performance.now());
    if (leftMs < 1) {
      unread.add(rule.name);
      continue;
    }
    try {
      const found =
        rule.kind === 'disk'
          ? await diskUse(dataDir)
          : await readWithin(db, leftMs, (tx) => measure(tx, rule, seen));
      readings.push(...found.map((measured) => ({ rule: rule.name, ...measured })));
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== 'try_again') throw error;
      unread.add(rule.name);
    }
  }
  const { rows } = await db.query<{ at: Date }>('select clock_timestamp() as at');
  return { at: (rows[0] as { at: Date }).at, readings, unread };
}

async function diskUse(dataDir: string | undefined): Promise<Measured[]> {
  if (dataDir === undefined) return [];
  const { blocks, bavail, bfree } = await statfs(dataDir);
  // As `df` counts it: what only root may use is used.
  const used = blocks - bfree;
  return [{ subject: '', value: used / Math.max(1, used + bavail) }];
}
