import { z } from 'zod';
import type { Db } from '../lib/db/database.ts';
import type { Task } from './task.ts';

/**
 * Makes the coming days' partitions of the attempt ledger, and drops what is past its retention:
 * old partitions, and which webhook events were seen (providers send them again for days at most).
 */
export function maintainLedger(deps: { db: Db; retentionDays: number }): Task<'maintain_ledger'> {
  return {
    payload: z.object({}),
    async run() {
      await deps.db.query('select donations.ensure_attempt_partitions()');
      await deps.db.query('select donations.prune_attempts($1)', [deps.retentionDays]);
      await deps.db.query(
        'delete from donations.webhook_events where received_at < now() - make_interval(days => $1)',
        [deps.retentionDays],
      );
      return { outcome: 'succeeded' };
    },
  };
}
