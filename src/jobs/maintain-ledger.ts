import { z } from 'zod';
import type { Db } from '../lib/db/database.ts';
import { forgetPaced } from '../lib/queue/change/recall.ts';
import { forgetDiscarded } from '../lib/queue/change/restore.ts';
import { forgetStaleVerdicts } from '../lib/queue/run/verdict-changes.ts';
import { forgetSeen } from '../lib/webhooks/seen.ts';
import type { Task } from './task.ts';

/** For how long a discard can be undone, and a retry be called off. */
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
      await deps.db.query('select donations.ensure_attempt_partitions()');
      await deps.db.query('select donations.prune_attempts($1)', [deps.retentionDays]);
      await forgetSeen(deps.db, deps.retentionDays);
      await forgetDiscarded(deps.db, RESTORABLE_DAYS);
      await forgetPaced(deps.db, RESTORABLE_DAYS);
      await forgetStaleVerdicts(deps.db);
      return { outcome: 'succeeded' };
    },
  };
}
