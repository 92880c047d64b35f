import { z } from 'zod';
import type { Db } from '../lib/db/database.ts';
import type { Task } from './task.ts';

/** Makes the coming days' partitions of the attempt ledger and drops those past their retention. */
export function maintainLedger(deps: { db: Db; retentionDays: number }): Task<'maintain_ledger'> {
  return {
    payload: z.object({}),
    async run() {
      await deps.db.query('select donations.ensure_attempt_partitions()');
      await deps.db.query('select donations.prune_attempts($1)', [deps.retentionDays]);
      return { outcome: 'succeeded' };
    },
  };
}
