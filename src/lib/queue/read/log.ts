import type { Queryable } from '../../db/database.ts';
import { type BoundedCount, countRows, fromCursor, type Paging, toCursor } from '../../db/page.ts';
import { Bindings, beginsWith, compileFilter, isSince, matches } from '../../filter/compile.ts';
import { type Filter, parseFilter, type Term } from '../../filter/parse.ts';
import type { Vocabulary } from '../../filter/vocabulary.ts';
import { ATTEMPT_OUTCOMES } from '../run/attempt.ts';
import { TASK_NAMES } from '../tasks.ts';
import { checkTasks } from './check-tasks.ts';
import type { LedgerAttempt } from './detail.ts';
import { findKnownDonations } from './known-donations.ts';

/** The terms of a filter of attempts. */
export const LOG_TERMS = {
  task: { kind: 'word', values: TASK_NAMES, about: 'of this task', example: 'task:send_receipt' },
  donation: {
    kind: 'id',
    prefix: 'don_',
    about: 'of this donation: its id, or a prefix of it',
    example: 'donation:don_01jd2x',
  },
  donor: {
    kind: 'word',
    about: 'of this donor: id or e-mail address',
    example: 'donor:ada@example.org',
  },
  job: { kind: 'serial', about: 'of this job', example: 'job:4711' },
  outcome: {
    kind: 'choice',
    values: ATTEMPT_OUTCOMES,
    about: ATTEMPT_OUTCOMES.join(', '),
    example: 'outcome:failed,held',
  },
  error: {
    kind: 'word',
    about: 'class or code of the error; ~ matches a part of its text',
    example: 'error:~timeout',
  },
  worker: { kind: 'word', about: 'on this worker', example: 'worker:wrk_01jd2x' },
  since: {
    kind: 'time',
    about: 'started at most this long ago: 2h, or since a time',
    example: 'since:2h',
  },
} as const satisfies Vocabulary;

export type LogFilter = Filter<keyof typeof LOG_TERMS>;

/**
 * Parses a filter of attempts.
 * @throws UserError `usage`.
 */
export const parseLogFilter = (text: string): LogFilter => parseFilter(text, LOG_TERMS);

/** An attempt in the ledger, of any job. */
export interface LoggedAttempt extends LedgerAttempt {
  /** Attempts have ascending ids in the order in which they are recorded. */
  id: bigint;
  endedAt: Date;
  task: string;
  job: string;
  donation: string | null;
}

/** What a reader of the ledger has seen: everything that was visible in this snapshot. */
export interface LogPlace {
  /** Postgres's text of the snapshot. */
  snapshot: string;
  /** The last id in it. */
  last: bigint;
}

/**
 * A transaction takes the ids of its attempts before it commits, so an attempt may become visible after
 * attempts with higher ids. It takes milliseconds; meanwhile others record fewer attempts than this.
 */
const OVERLAP = 10_000n;
/** An attempt is recorded within this time of its start, unless no worker was alive for so long. */
const LATE_DAYS = 2;
const PAGE = 1000;

const COLUMNS = `a.id, a.started_at + make_interval(secs => least(a.duration_ms, 3e12) / 1000) as "endedAt",
  a.task, a.job_id::text as job, a.attempt::int, a.donation_id as donation, a.outcome,
  a.started_at as "startedAt", a.latency_ms as "latencyMs", a.duration_ms as "durationMs",
  a.worker_id as worker, a.error_class as "errorClass", a.error_code as "errorCode",
  a.error_message as error, a.http_status::int as "httpStatus", a.request_id as "requestId",
  a.next_run_at as "nextRunAt"`;

// A row is new if the transaction that wrote it is not visible in the snapshot. Rows have the last 32
// bits of its number; it is the latest such number before the end of the present snapshot.
// https://www.postgresql.org/docs/12/functions-info.html#FUNCTIONS-TXID-SNAPSHOT
const NEXT = 'txid_snapshot_xmax(txid_current_snapshot())';
const WRITTEN_BY = `(${NEXT} - ((${NEXT} - a.xmin::text::bigint) & 4294967295))`;

const ORDER = 'attempts latest';

/**
 * The latest attempts that a filter selects, oldest first, and the place after which new ones begin.
 * `tx` must read from one snapshot.
 *
 * @param after the cursor of the page before, which has later attempts.
 * @throws UserError `usage` when there is no such task, or the cursor is of another list.
 */
export async function readLatestAttempts(
  tx: Queryable,
  filter: LogFilter,
  { limit, after }: Paging,
): Promise<{ attempts: LoggedAttempt[]; next: string | undefined; place: LogPlace }> {
  await checkTasks(tx, filter);
  const place = await readPlace(tx);
  const bindings = new Bindings();
  const where = [await conditionsOf(tx, filter, bindings)];
  if (after !== undefined) {
    const [at, id] = fromCursor(after, ORDER).map((value) => bindings.add(value));
    where.push(`(a.started_at, a.id) < (${at}::timestamptz, ${id}::bigint)`);
  }
  const { rows } = await tx.query<LoggedAttempt & { startedText: string }>(
    `select ${COLUMNS}, a.started_at::text as "startedText"
     from donations.job_attempts a where ${where.join(' and ')}
     order by a.started_at desc, a.id desc limit ${limit + 1}`,
    bindings.values,
  );
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  const attempts = rows
    .slice(0, limit)
    .map(({ startedText: _, ...attempt }) => attempt)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return { attempts, next: last && toCursor(ORDER, [last.startedText, String(last.id)]), place };
}

/** How many attempts a filter selects. */
export async function countAttempts(tx: Queryable, filter: LogFilter): Promise<BoundedCount> {
  const bindings = new Bindings();
  const where = await conditionsOf(tx, filter, bindings);
  return countRows(tx, [`select 1 from donations.job_attempts a where ${where}`], bindings.values);
}

/**
 * Reads the attempts that were recorded after a place, in pages. An attempt that was taken for
 * abandoned and that its worker recorded later comes again, with its outcome.
 *
 * @returns the place after them.
 */
export async function readNewAttempts(
  tx: Queryable,
  filter: LogFilter,
  place: LogPlace,
  onAttempts: (attempts: LoggedAttempt[]) => void,
): Promise<LogPlace> {
  const next = await readPlace(tx);
  for (let after = place.last - OVERLAP; ; ) {
    const bindings = new Bindings();
    const where = [
      `a.id > ${bindings.add(after)}::bigint`,
      `a.started_at > now() - interval '${LATE_DAYS} days'`,
      `not txid_visible_in_snapshot(${WRITTEN_BY}, ${bindings.add(place.snapshot)}::txid_snapshot)`,
      await conditionsOf(tx, filter, bindings),
    ].join(' and ');
    const { rows } = await tx.query<LoggedAttempt>(
      `select ${COLUMNS} from donations.job_attempts a where ${where} order by a.id limit ${PAGE}`,
      bindings.values,
    );
    if (rows.length > 0) onAttempts(rows);
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return next;
    after = last.id;
  }
}

async function readPlace(tx: Queryable): Promise<LogPlace> {
  const { rows } = await tx.query<LogPlace>(
    `select txid_current_snapshot()::text as snapshot, coalesce(max(id), 0) as last
     from donations.job_attempts where started_at > now() - interval '${LATE_DAYS} days'`,
  );
  return rows[0] as LogPlace;
}

async function conditionsOf(tx: Queryable, filter: LogFilter, bindings: Bindings): Promise<string> {
  const known = await findKnownDonations(tx, filter);
  const isGiven = (term: Term) =>
    `a.donation_id = any (${bindings.add(known(term).donations)}::text[])`;
  const conditions = compileFilter<keyof typeof LOG_TERMS>(
    filter,
    {
      task: matches('a.task'),
      donation: isGiven,
      donor: isGiven,
      job: ({ values }, bindings) => `a.job_id = any (${bindings.add(values)}::bigint[])`,
      outcome: matches('a.outcome'),
      error: (term, bindings) =>
        (term.operator === '~' ? ['a.error_message'] : ['a.error_class', 'a.error_code'])
          .map((column) => matches(column)(term, bindings))
          .join(' or '),
      worker: beginsWith('a.worker_id'),
      since: isSince('a.started_at'),
    },
    bindings,
  );
  // The index of what went wrong serves a filter that excludes what succeeded.
  const trouble = filter.terms.some(
    ({ name, not, values }) => name === 'outcome' && values.includes('succeeded') === not,
  );
  return ['true', ...conditions, ...(trouble ? [`a.outcome <> 'succeeded'`] : [])].join(' and ');
}
