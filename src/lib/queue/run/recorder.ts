import { createHash } from 'node:crypto';
import type { Db } from '../../db/database.ts';
import { GATHERING, groupCommit } from '../../db/group-commit.ts';
import { untilDone } from '../../db/returns.ts';
import type { AttemptRow, VerdictRow } from './attempt.ts';
import { writableAttempt, writableJson, writableVerdict } from './writable.ts';

/**
 * A change of domain rows that many jobs make in the same way: one `update` (or `insert`, `delete`)
 * over `$1`, a JSON array of all rows. The folder that owns the table exports functions that build
 * these.
 */
export interface RowChange {
  sql: string;
  row: Record<string, unknown>;
  /**
   * Set when a row must change: the value of `changed` that the statement returns for it. If no row
   * changes, the task is informed.
   */
  meant?: string;
}

export interface Entry {
  jobId: string;
  attempt: AttemptRow | undefined;
  /** Undefined when the job succeeded. */
  verdict: VerdictRow | undefined;
  changes: RowChange[];
}

// An attempt has one row. Another worker may have recorded it as abandoned when its worker lost the
// lease; the worker's own record replaces that.
const INSERT_ATTEMPTS = `
  insert into donations.job_attempts as told
    (job_id, task, attempt, claim, donation_id, worker_id, started_at, latency_ms, duration_ms, outcome,
     error_class, error_code, error_message, fingerprint, http_status, request_id, next_run_at)
  select job_id, task, attempt, claim, donation_id, worker_id, started_at, latency_ms, duration_ms, outcome,
     error_class, error_code, error_message, fingerprint, http_status, request_id,
     now() + make_interval(secs => next_in_ms / 1000)
  from json_to_recordset($1::json) as a(job_id bigint, task text, attempt int, claim uuid, donation_id text,
     worker_id text, started_at timestamptz, latency_ms float8, duration_ms float8, outcome text,
     error_class text, error_code text, error_message text, fingerprint text, http_status smallint,
     request_id text, next_in_ms float8)
  on conflict (job_id, started_at, attempt, claim) do update set
    latency_ms = excluded.latency_ms, duration_ms = excluded.duration_ms, outcome = excluded.outcome,
    error_class = excluded.error_class, error_code = excluded.error_code,
    error_message = excluded.error_message, fingerprint = excluded.fingerprint,
    http_status = excluded.http_status, request_id = excluded.request_id, next_run_at = excluded.next_run_at
    where told.outcome = 'abandoned'`;

// Only for a job that exists and has not started again. An attempt whose worker lost its lease, so
// that another worker took the job over, decides nothing.
const UPSERT_VERDICTS = `
  insert into donations.job_verdicts
    (job_id, task, donation_id, decision, attempt, run_at, attempts, error_class, error_code, message, fingerprint)
  select a.job_id, a.task, a.donation_id, a.decision, a.attempt, now() + make_interval(secs => a.delay_ms / 1000),
    a.attempts, a.error_class, a.error_code, a.message, a.fingerprint
  from json_to_recordset($1::json) as a(job_id bigint, task text, donation_id text, decision text,
    attempt int, locked_by text, delay_ms float8, attempts int, error_class text, error_code text,
    message text, fingerprint text)
  join graphile_worker._private_jobs j on j.id = a.job_id and j.attempts = a.attempt
    and (j.locked_by is null or j.locked_by = a.locked_by)
  on conflict (job_id) do update set
    decision = excluded.decision, attempt = excluded.attempt, run_at = excluded.run_at, attempts = excluded.attempts,
    error_class = excluded.error_class, error_code = excluded.error_code, message = excluded.message,
    fingerprint = excluded.fingerprint, decided_at = now(), applied_at = null`;

// A job that succeeded has no verdict. It may have the verdict of another attempt, which started
// after this worker lost its lease. Then the job ends together with that verdict, unless it is
// running.
const END_VERDICTS = `
  delete from donations.job_verdicts v using json_to_recordset($1::json) as c(job_id bigint)
  where v.job_id = c.job_id
  returning (select count(*) from graphile_worker.complete_jobs(array[v.job_id]))`;

/**
 * Creates the recorder. It writes the results of attempts (ledger, verdict, domain rows) in one
 * transaction for all jobs that end at about the same time. When its promise resolves the result is
 * durable; only then may the job end.
 *
 * While Postgres is unavailable it retries, with `waitForDatabase` in between. The answer of a
 * provider is never dropped.
 *
 * @returns a function that resolves with the changes that should have changed a row and changed
 *   none.
 */
export function createRecorder(
  db: Db,
  waitForDatabase: (error: unknown) => Promise<void>,
): (entry: Entry) => Promise<RowChange[]> {
  const untilWritten = <Written>(work: () => Promise<Written>) => untilDone(work, waitForDatabase);
  const writeAll = (entries: Entry[]) => untilWritten(() => write(db, entries));
  // Isolates an entry that the database refuses, so that the other entries are written.
  const writeOne = (entry: Entry) =>
    writeAll([entry]).then(
      ([missed = []]) => ({ missed }),
      (error: unknown) => ({ error }),
    );
  const commit = groupCommit<Entry, { error: unknown } | { missed: RowChange[] }>(
    async (entries) => {
      try {
        return (await writeAll(entries)).map((missed) => ({ missed }));
      } catch (error) {
        if (entries.length === 1) return [{ error }];
        const results = [];
        for (const entry of entries) results.push(await writeOne(entry));
        return results;
      }
    },
    GATHERING,
  );
  return async (entry) => {
    const result = await commit(entry);
    if ('error' in result) throw result.error;
    // Postgres applies only one of two changes of the same row in one statement; the other is
    // repeated separately.
    const missed: RowChange[] = [];
    for (const change of result.missed) {
      if (!(await untilWritten(() => writeOnly(db, change)))) missed.push(change);
    }
    return missed;
  };
}

/**
 * One statement is one transaction and one round trip. Each kind of change is a CTE with its rows
 * as a parameter.
 *
 * @returns for each entry the changes that should have changed a row and changed none.
 */
async function write(db: Db, entries: Entry[]): Promise<RowChange[][]> {
  const counted = new Set<string>();
  const parts = new Map<string, Record<string, unknown>[]>();
  const add = (sql: string, row: Record<string, unknown>) => {
    const rows = parts.get(sql);
    if (rows) rows.push(row);
    else parts.set(sql, [row]);
  };
  for (const { changes, attempt, verdict, jobId } of entries) {
    for (const { sql, row, meant } of changes) {
      add(sql, row);
      if (meant !== undefined) counted.add(sql);
    }
    if (attempt) add(INSERT_ATTEMPTS, { ...writableAttempt(attempt) });
    if (verdict) add(UPSERT_VERDICTS, { ...writableVerdict(verdict) });
    else add(END_VERDICTS, { job_id: jobId });
  }
  // A fixed order makes the same combination the same prepared statement.
  const sorted = [...parts].sort(([a], [b]) => (a < b ? -1 : 1));
  const text = `with ${sorted.map(([sql], i) => `part${i} as (${sql.replaceAll('$1', `$${i + 1}`)})`).join(', ')} select ${sorted.map(([sql], i) => (counted.has(sql) ? `(select json_agg(changed) from part${i}) as c${i}` : `null as c${i}`)).join(', ')}`;
  const { rows } = await db.query<Record<string, string[] | null>>(
    text,
    sorted.map(([, rows]) => writableJson(rows)),
    statementName(text),
  );
  if (counted.size === 0) return entries.map(() => []);
  const changed = new Map(sorted.map(([sql], i) => [sql, new Set(rows[0]?.[`c${i}`] ?? [])]));
  return entries.map(({ changes }) =>
    changes.filter(({ sql, meant }) => meant !== undefined && !changed.get(sql)?.has(meant)),
  );
}

/** Makes one change. @returns whether it changed its row. */
async function writeOnly(db: Db, { sql, row }: RowChange): Promise<boolean> {
  const { rowCount } = await db.query(sql, [writableJson([row])]);
  return (rowCount ?? 0) > 0;
}

const statementName = (text: string) =>
  `record_${createHash('sha1').update(text).digest('hex').slice(0, 16)}`;
