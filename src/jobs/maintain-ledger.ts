import type { Logger } from 'pino';
import { isConnectionError } from '../lib/db/connection-error.ts';
import type { Db } from '../lib/db/database.ts';
import { adoptAllFailures } from '../lib/queue/run/adopt.ts';
import { forgetPauses } from '../lib/queue/run/pauses.ts';
import { dropStaleVerdicts } from '../lib/queue/run/verdicts.ts';

export interface UpkeepDeps {
  db: Db;
  log: Logger;
  retentionDays: number;
  /** Whether the worker ends: no further step is begun then. */
  isStopping: () => boolean;
}

/** Deleting a day of a busy queue takes longer than a worker's other statements may. */
const UPKEEP = { statementTimeoutMs: 10 * 60_000 };

/** For how long a discard can be undone. */
const RESTORABLE_DAYS = 30;
/** How often it is done, by whichever worker comes first. */
const EVERY = '10 minutes';
/** How often a worker asks whether it is time. */
const ASK_MS = 60_000;
/** Rows that one statement deletes at most. */
const BATCH = 10_000;

/**
 * The upkeep of what workers share, which every worker does whatever its tasks are, one at a time: the
 * coming days' partitions of the ledger, jobs that others have failed, and whatever is past its
 * retention (old partitions; webhook events, which providers send again for days at most; discarded
 * jobs; verdicts on jobs that are gone). Each step stands alone, and none stops a worker: what was
 * not done now is done later, and until then the ledger's default partition takes every row.
 *
 * @returns what asks whether it is time, and does it. It never rejects, and may take minutes.
 */
export function ledgerUpkeep({ db, log, retentionDays, isStopping }: UpkeepDeps) {
  const query = (sql: string, values?: unknown[]) => () =>
    db.transaction((tx) => tx.query(sql, values), UPKEEP);
  const steps: [string, () => Promise<unknown>][] = [
    ['make partitions', query('select donations.ensure_attempt_partitions()')],
    ['drop old partitions', query('select donations.prune_attempts($1)', [retentionDays])],
    ['drop stale verdicts', () => db.transaction(dropStaleVerdicts, UPKEEP)],
    ['take in failed jobs', () => adoptAllFailures(db)],
    ['forget old pauses', () => forgetPauses(db)],
    [
      'forget webhook events',
      query(
        `delete from donations.webhook_events where key in (
           select key from donations.webhook_events
           where received_at < now() - make_interval(days => $1) limit ${BATCH})`,
        [retentionDays],
      ),
    ],
    [
      'forget discarded jobs',
      query(
        `delete from donations.discarded_jobs where job_id in (
           select job_id from donations.discarded_jobs
           where discarded_at < now() - make_interval(days => $1) limit ${BATCH})`,
        [RESTORABLE_DAYS],
      ),
    ],
  ];
  let askAt = Number.NEGATIVE_INFINITY;
  let underWay = false;
  const work = async () => {
    if (!(await isDue(db))) return;
    for (const [what, step] of steps) {
      if (isStopping()) return;
      try {
        await step();
      } catch (error) {
        if (isConnectionError(error)) throw error;
        log.warn({ error: (error as Error).message }, `could not ${what}; tried again later`);
      }
    }
  };
  return async (): Promise<void> => {
    if (underWay || isStopping() || performance.now() < askAt) return;
    askAt = performance.now() + ASK_MS;
    underWay = true;
    try {
      await work();
    } catch (error) {
      // Postgres is away, and somebody else says so.
      log.debug({ error: (error as Error).message }, 'upkeep is put off');
    } finally {
      underWay = false;
    }
  };
}

/** True for one of all workers, when it was done long enough ago. */
async function isDue(db: Db): Promise<boolean> {
  const { rowCount } = await db.query(
    `insert into donations.settings as s (key, value) values ('upkeep_at', now()::text)
     on conflict (key) do update set value = excluded.value
     where s.value::timestamptz not between now() - interval '${EVERY}' and now()`,
  );
  return rowCount === 1;
}
