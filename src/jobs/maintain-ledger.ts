import { z } from 'zod';
import type { Db } from '../lib/db/database.ts';
import type { Task } from './task.ts';

/** Deleting a day of a busy queue takes longer than a worker's other statements may. */
const UPKEEP = { statementTimeoutMs: 10 * 60_000 };

/** For how long a discard can be undone. */
const RESTORABLE_DAYS = 30;

/**
 * Makes the coming days' partitions of the attempt ledger, and drops what is past its retention:
 * old partitions, which webhook events were seen (providers send them again for days at most),
 * discarded jobs, and verdicts on jobs that somebody else has taken away or run again.
 */
export function maintainLedger(deps: { db: Db; retentionDays: number }): Task<'maintain_ledger'> {
  return {
    payload: z.object({}),
    async run() {
      const query = (sql: string, values?: unknown[]) =>
        deps.db.transaction((tx) => tx.query(sql, values), UPKEEP);
      await query('select donations.ensure_attempt_partitions()');
      await query('select donations.prune_attempts($1)', [deps.retentionDays]);
      await query(
        'delete from donations.webhook_events where received_at < now() - make_interval(days => $1)',
        [deps.retentionDays],
      );
      await query(
        'delete from donations.discarded_jobs where discarded_at < now() - make_interval(days => $1)',
        [RESTORABLE_DAYS],
      );
      await query(
        `delete from donations.job_verdicts v
         where v.decision <> 'retry' and v.decided_at < now() - interval '1 day' and not exists (
           select 1 from graphile_worker._private_jobs j
           where j.id = v.job_id and j.attempts >= j.max_attempts)`,
      );
      return { outcome: 'succeeded' };
    },
  };
}
