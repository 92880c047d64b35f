import type { Db, Queryable } from '../../db/database.ts';
import { fingerprint } from '../fingerprint.ts';
import { writableJson } from './writable.ts';

const BATCH = 1000;

/**
 * SQL: a time at or shortly after the failure of job `j`, never before it. When a job has used up
 * its attempts, Graphile Worker does not change `updated_at` and moves `run_at` ahead by the
 * backoff. The index of failed jobs is in this order.
 */
export const FAILED_BY = 'greatest(j.updated_at, j.run_at)';

/** SQL: the best estimate of when the failed job `j` failed. */
const FAILED_AT = `least(now(), ${FAILED_BY})`;

/**
 * SQL: whether the failed job `j` may still need a verdict. Workers of other tools and people fail
 * jobs too. Jobs that failed before this time have verdicts already; one minute is left for
 * transactions that were still open.
 */
const NOT_SEEN_YET = `${FAILED_BY} > coalesce(
  (select value::timestamptz from donations.settings where key = 'failures_seen_until'), '-infinity'
) - interval '1 minute'`;

const FAILED = 'j.attempts >= j.max_attempts and j.locked_at is null';
const WITHOUT_VERDICT = `${FAILED}
  and not exists (select 1 from donations.job_verdicts o where o.job_id = j.id)`;

/** SQL: whether job `j` has failed lately, so that it may have been failed by others. */
export const FAILED_LATELY = `${FAILED} and ${NOT_SEEN_YET}`;

/**
 * SQL: whether job `j` has no verdict of ours. Few jobs have failed lately, which Postgres cannot know: for
 * a join it would read all verdicts. So each job's verdict is looked up.
 */
export const NOT_JUDGED =
  '(select o.job_id from donations.job_verdicts o where o.job_id = j.id) is null';

/** SQL: whether job `j` was failed by others and has no verdict of ours. */
export const FAILED_BY_OTHERS = `${FAILED_LATELY} and ${NOT_JUDGED}`;

/** The error of a failed job that has none. */
const NO_RESULT = 'its attempts are used up, and its last one left no result';

/**
 * Holds what these failed jobs may have done: their last attempt may have taken effect.
 * @returns the jobs for which something was held. A person decides about them.
 */
export type HoldUnfinished = (db: Queryable, jobIds: string[]) => Promise<string[]>;

interface Orphan {
  id: bigint;
  task: string;
  payload: { donation_id?: unknown } | null;
  attempts: number;
  message: string;
  at: Date;
  by: Date;
}

/**
 * Adopts jobs that others failed: gives them a verdict, so that they are listed, grouped and
 * counted like ours. Every worker does this regularly. `FAILED_BY_OTHERS` finds the jobs that are
 * not adopted yet.
 *
 * @returns how many jobs were adopted.
 */
export async function adoptFailures(db: Db, hold: HoldUnfinished): Promise<number> {
  const orphans = await adopt(db, FAILED_BY_OTHERS, hold);
  // A full batch may leave jobs of the same time, so the next one starts there. `run_at` can be
  // ahead of the failure, and jobs that fail meanwhile must not be missed.
  const until = orphans.length === BATCH ? orphans.at(-1)?.by : null;
  await db.query(
    `insert into donations.settings as s (key, value)
     values ('failures_seen_until', least(coalesce($1::timestamptz, now()), now())::text)
     on conflict (key) do update set value = excluded.value
     where s.value::timestamptz < excluded.value::timestamptz - interval '30 seconds'`,
    [until],
  );
  return orphans.length;
}

/**
 * Adopts all failed jobs, whatever their time. When a person unlocks the last attempt of a job by
 * hand, no column shows when it failed.
 */
export async function adoptAllFailures(db: Db, hold: HoldUnfinished): Promise<void> {
  while ((await adopt(db, WITHOUT_VERDICT, hold)).length === BATCH);
}

async function adopt(db: Db, which: string, hold: HoldUnfinished): Promise<Orphan[]> {
  const { rows } = await db.query<Orphan>(
    `select j.id, t.identifier as task, j.payload, j.attempts::int,
       coalesce(nullif(left(j.last_error, 500), ''), '${NO_RESULT}') as message, ${FAILED_AT} as at, ${FAILED_BY} as by
     from graphile_worker._private_jobs j
     join graphile_worker._private_tasks t on t.id = j.task_id
     where ${which} order by ${FAILED_BY} limit ${BATCH}`,
  );
  if (rows.length === 0) return rows;
  // Before the verdicts: if this process ends in between, the jobs are adopted again.
  const held = new Set(
    await hold(
      db,
      rows.map(({ id }) => id.toString()),
    ),
  );
  await db.query(
    `insert into donations.job_verdicts (job_id, task, donation_id, decision, attempt, error_class, message,
       fingerprint, decided_at, applied_at)
     select id, task, donation, decision, attempts, error_class, message, fingerprint, at, now()
     from json_to_recordset($1::json) as o(id bigint, task text, donation text, decision text, attempts int,
       error_class text, message text, fingerprint text, at timestamptz)
     on conflict (job_id) do nothing`,
    [
      writableJson(
        rows.map(({ id, task, payload, attempts, message, at }) => {
          const isHeld = held.has(id.toString());
          const errorClass = isHeld ? 'unknown_outcome' : 'unrecorded';
          return {
            id: id.toString(),
            task,
            donation: donationIn(payload),
            decision: isHeld ? 'hold' : 'fail',
            attempts,
            error_class: errorClass,
            message,
            at,
            fingerprint: fingerprint(errorClass, message),
          };
        }),
      ),
    ],
  );
  return rows;
}

/** Parsed here, because SQL refuses some texts that a `json` column may hold. */
function donationIn(payload: Orphan['payload']): string | null {
  const id = payload?.donation_id;
  return typeof id === 'string' ? id.slice(0, 200) : null;
}
