import type { Db } from '../../db/database.ts';
import { fingerprint } from '../fingerprint.ts';

const BATCH = 1000;

/**
 * SQL: whether a failed job `j` may be one that nobody has told us of. Others fail jobs too: workers
 * of other tools, people by hand. Of those before this moment there are verdicts; a minute is left
 * for transactions that were still open.
 */
const NOT_SEEN_YET = `j.updated_at > coalesce(
  (select value::timestamptz from donations.settings where key = 'failures_seen_until'), '-infinity'
) - interval '1 minute'`;

/** SQL: the failed jobs of others, without a verdict of ours. */
export const FAILED_BY_OTHERS = `j.attempts >= j.max_attempts and j.locked_at is null and ${NOT_SEEN_YET}
  and not exists (select 1 from donations.job_verdicts o where o.job_id = j.id)`;

interface Orphan {
  id: bigint;
  task: string;
  donation: string | null;
  attempts: number;
  message: string;
  at: Date;
}

/**
 * Gives jobs that others have failed a verdict, so that they are listed, grouped and counted like
 * ours. Every worker does it now and then; what none has seen yet is found by `FAILED_BY_OTHERS`.
 *
 * @returns how many were taken in.
 */
export async function adoptFailures(db: Db): Promise<number> {
  const { rows } = await db.query<Orphan>(
    `select j.id, t.identifier as task, j.payload->>'donation_id' as donation, j.attempts::int,
       left(coalesce(j.last_error, ''), 500) as message, j.updated_at as at
     from graphile_worker._private_jobs j
     join graphile_worker._private_tasks t on t.id = j.task_id
     where ${FAILED_BY_OTHERS} order by j.updated_at limit ${BATCH}`,
  );
  if (rows.length > 0) {
    await db.query(
      `insert into donations.job_verdicts (job_id, task, donation_id, decision, attempt, error_class, message,
         fingerprint, decided_at, applied_at)
       select id, task, donation, 'fail', attempts, 'unrecorded', message, fingerprint, at, now()
       from json_to_recordset($1::json) as o(id bigint, task text, donation text, attempts int, message text,
         fingerprint text, at timestamptz)
       on conflict (job_id) do nothing`,
      [
        JSON.stringify(
          rows.map((row) => ({
            ...row,
            id: row.id.toString(),
            fingerprint: fingerprint('unrecorded', row.message),
          })),
        ),
      ],
    );
  }
  // After a full batch there may be more of the same moment.
  const until = rows.length === BATCH ? rows.at(-1)?.at : null;
  await db.query(
    `insert into donations.settings as s (key, value)
     values ('failures_seen_until', coalesce($1::timestamptz, now())::text)
     on conflict (key) do update set value = excluded.value
     where s.value::timestamptz < excluded.value::timestamptz - interval '30 seconds'`,
    [until],
  );
  return rows.length;
}
