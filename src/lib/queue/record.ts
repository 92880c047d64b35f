import { isConnectionError } from '../db/connection-error.ts';
import type { Db, Queryable } from '../db/database.ts';
import { groupCommit } from './group-commit.ts';

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
  run_at: string | null;
  attempts: number | null;
  error_class: string;
  error_code: string | null;
  message: string;
  fingerprint: string;
}

/**
 * A change of domain rows that many jobs make alike: one statement over `$1`, a JSON array with a
 * row for each. Whoever owns the table owns the statement.
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
    (job_id, task, donation_id, decision, run_at, attempts, error_class, error_code, message, fingerprint)
  select job_id, task, donation_id, decision, run_at, attempts, error_class, error_code, message, fingerprint
  from json_populate_recordset(null::donations.job_verdicts, $1::json)
  on conflict (job_id) do update set
    decision = excluded.decision, run_at = excluded.run_at, attempts = excluded.attempts,
    error_class = excluded.error_class, error_code = excluded.error_code, message = excluded.message,
    fingerprint = excluded.fingerprint, decided_at = now(), applied_at = null`;

// A job that came through has no verdict any more (it may have had one that somebody overruled).
const CLEAR_VERDICTS = `delete from donations.job_verdicts where job_id = any ($1::bigint[])`;

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
        await db.transaction((tx) => write(tx, entries));
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

async function write(tx: Queryable, entries: Entry[]): Promise<void> {
  const changes = new Map<string, Record<string, unknown>[]>();
  for (const { sql, row } of entries.flatMap((entry) => entry.changes)) {
    const rows = changes.get(sql);
    if (rows) rows.push(row);
    else changes.set(sql, [row]);
  }
  for (const [sql, rows] of changes) await tx.query(sql, [JSON.stringify(rows)]);

  const attempts = entries.flatMap((entry) => entry.attempt ?? []);
  if (attempts.length > 0) await tx.query(INSERT_ATTEMPTS, [JSON.stringify(attempts)]);
  const verdicts = entries.flatMap((entry) => entry.verdict ?? []);
  if (verdicts.length > 0) await tx.query(UPSERT_VERDICTS, [JSON.stringify(verdicts)]);
  const retried = entries.filter((entry) => !entry.verdict && (entry.attempt?.attempt ?? 1) > 1);
  if (retried.length > 0) await tx.query(CLEAR_VERDICTS, [retried.map((entry) => entry.jobId)]);
}
