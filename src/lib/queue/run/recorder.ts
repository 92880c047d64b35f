import { createHash } from 'node:crypto';
import { isConnectionError } from '../../db/connection-error.ts';
import type { Db } from '../../db/database.ts';
import { groupCommit } from '../../db/group-commit.ts';

export type AttemptOutcome =
  | 'succeeded'
  | 'declined'
  | 'retry'
  | 'parked'
  | 'failed'
  | 'held'
  | 'abandoned';

/** One attempt of one job, as the ledger keeps it. Times are UTC, durations milliseconds. */
export interface AttemptRow {
  job_id: string;
  task: string;
  attempt: number;
  donation_id: string | null;
  worker_id: string;
  started_at: string;
  latency_ms: number;
  duration_ms: number;
  outcome: AttemptOutcome;
  error_class: string | null;
  error_code: string | null;
  error_message: string | null;
  fingerprint: string | null;
  http_status: number | null;
  request_id: string | null;
  next_run_at: string | null;
}

/** What is to become of a job whose attempt failed; see the table donations.job_verdicts. */
export interface VerdictRow {
  job_id: string;
  task: string;
  donation_id: string | null;
  decision: 'retry' | 'fail' | 'hold';
  /** The attempt that was judged, 1 for the first. */
  attempt: number;
  run_at: string | null;
  /** What the job's count of attempts is to be; null leaves it. */
  attempts: number | null;
  error_class: string;
  error_code: string | null;
  message: string;
  fingerprint: string;
}

/**
 * A change of domain rows that many jobs make alike: one `update` (or `insert`, `delete`) over `$1`,
 * a JSON array with a row for each. Whoever owns the table owns the statement.
 */
export interface Change {
  sql: string;
  row: Record<string, unknown>;
}

export interface Entry {
  jobId: string;
  attempt: AttemptRow | undefined;
  verdict: VerdictRow | undefined;
  changes: Change[];
}

const INSERT_ATTEMPTS = `
  insert into donations.job_attempts
    (job_id, task, attempt, donation_id, worker_id, started_at, latency_ms, duration_ms, outcome,
     error_class, error_code, error_message, fingerprint, http_status, request_id, next_run_at)
  select job_id, task, attempt, donation_id, worker_id, started_at, latency_ms, duration_ms, outcome,
     error_class, error_code, error_message, fingerprint, http_status, request_id, next_run_at
  from json_populate_recordset(null::donations.job_attempts, $1::json)`;

const UPSERT_VERDICTS = `
  insert into donations.job_verdicts
    (job_id, task, donation_id, decision, attempt, run_at, attempts, error_class, error_code, message, fingerprint)
  select job_id, task, donation_id, decision, attempt, run_at, attempts, error_class, error_code, message, fingerprint
  from json_populate_recordset(null::donations.job_verdicts, $1::json)
  on conflict (job_id) do update set
    decision = excluded.decision, attempt = excluded.attempt, run_at = excluded.run_at, attempts = excluded.attempts,
    error_class = excluded.error_class, error_code = excluded.error_code, message = excluded.message,
    fingerprint = excluded.fingerprint, decided_at = now(), applied_at = null`;

// A job that came through has no verdict any more (it may have had one that somebody overruled).
const CLEAR_VERDICTS = `
  delete from donations.job_verdicts v using json_to_recordset($1::json) as c(job_id bigint)
  where v.job_id = c.job_id`;

/**
 * The recorder: writes what became of attempts (ledger, verdict, domain rows) in one transaction
 * for all jobs that end at about the same time. When its promise resolves the record is durable,
 * and only then may the job end.
 *
 * While Postgres is away it keeps trying, with `waitForDatabase` in between: what a provider has
 * answered is never dropped.
 */
export function createRecorder(
  db: Db,
  waitForDatabase: (error: unknown) => Promise<void>,
): (entry: Entry) => Promise<void> {
  const writeAll = async (entries: Entry[]) => {
    for (;;) {
      try {
        await write(db, entries);
        return;
      } catch (error) {
        if (!isConnectionError(error)) throw error;
        await waitForDatabase(error);
      }
    }
  };
  // One entry that the database refuses must not take its neighbours with it.
  const writeOne = (entry: Entry) =>
    writeAll([entry]).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
  const commit = groupCommit<Entry, { error: unknown } | undefined>(async (entries) => {
    try {
      await writeAll(entries);
      return entries.map(() => undefined);
    } catch (error) {
      if (entries.length === 1) return [{ error }];
      const results = [];
      for (const entry of entries) results.push(await writeOne(entry));
      return results;
    }
  });
  return async (entry) => {
    const failed = await commit(entry);
    if (failed) throw failed.error;
  };
}

/**
 * Everything in one statement, so in one transaction and one round trip: each kind of change is a
 * part of its own, with its rows as its parameter.
 */
async function write(db: Db, entries: Entry[]): Promise<void> {
  const parts = new Map<string, Record<string, unknown>[]>();
  const add = (sql: string, row: Record<string, unknown>) => {
    const rows = parts.get(sql);
    if (rows) rows.push(row);
    else parts.set(sql, [row]);
  };
  for (const { changes, attempt, verdict, jobId } of entries) {
    for (const { sql, row } of changes) add(sql, row);
    if (attempt) add(INSERT_ATTEMPTS, { ...attempt });
    if (verdict) add(UPSERT_VERDICTS, { ...verdict });
    else if ((attempt?.attempt ?? 1) > 1) add(CLEAR_VERDICTS, { job_id: jobId });
  }
  // In the same order every time, so that the same combination is the same prepared statement.
  const sorted = [...parts].sort(([a], [b]) => (a < b ? -1 : 1));
  const text = `with ${sorted.map(([sql], i) => `part${i} as (${sql.replaceAll('$1', `$${i + 1}`)})`).join(', ')} select 1`;
  await db.query(
    text,
    sorted.map(([, rows]) => JSON.stringify(rows)),
    statementName(text),
  );
}

const statementName = (text: string) =>
  `record_${createHash('sha1').update(text).digest('hex').slice(0, 16)}`;
