import type { Logger } from 'pino';
import { isConnectionError } from '../lib/db/connection-error.ts';
import type { Db } from '../lib/db/database.ts';
import { forgetPaced } from '../lib/queue/change/recall.ts';
import { forgetDiscarded } from '../lib/queue/change/restore.ts';
import { adoptAllFailures } from '../lib/queue/run/adopt.ts';
import { forgetPauses } from '../lib/queue/run/pauses.ts';
import { takeUpkeepTurn } from '../lib/queue/run/upkeep-turn.ts';
import { dropStaleVerdicts } from '../lib/queue/run/verdicts.ts';
import { forgetSeen } from '../lib/webhooks/seen.ts';

export interface UpkeepDeps {
  db: Db;
  log: Logger;
  retentionDays: number;
}

/** For how long a discard can be undone, and a retry be called off. */
const RESTORABLE_DAYS = 30;
/** How often a worker asks whether it is time. */
const ASK_MS = 60_000;

/**
 * The upkeep of what workers share, which every worker does whatever its tasks are, one at a time: the
 * coming days' partitions of the ledger, jobs that others have failed, and whatever is past its
 * retention (old partitions; webhook events, which providers send again for days at most; discarded
 * jobs; verdicts on jobs that are gone). Each step stands alone, and none stops a worker: what was
 * not done now is done later, and until then the ledger's default partition takes every row.
 *
 * @returns what asks whether it is time, and does it. It never rejects.
 */
export function ledgerUpkeep({ db, log, retentionDays }: UpkeepDeps): () => Promise<void> {
  const steps: [string, () => Promise<unknown>][] = [
    ['make partitions', () => db.query('select donations.ensure_attempt_partitions()')],
    ['drop old partitions', () => db.query('select donations.prune_attempts($1)', [retentionDays])],
    ['drop stale verdicts', () => dropStaleVerdicts(db)],
    ['take in failed jobs', () => adoptAllFailures(db)],
    ['forget old pauses', () => forgetPauses(db)],
    ['forget webhook events', () => forgetSeen(db, retentionDays)],
    ['forget discarded jobs', () => forgetDiscarded(db, RESTORABLE_DAYS)],
    ['forget paced retries', () => forgetPaced(db, RESTORABLE_DAYS)],
  ];
  const attempt = async (what: string, work: () => Promise<unknown>) => {
    try {
      return await work();
    } catch (error) {
      if (isConnectionError(error)) throw error;
      log.warn({ error: (error as Error).message }, `could not ${what}; tried again later`);
      return undefined;
    }
  };
  let askAt = Number.NEGATIVE_INFINITY;
  return async () => {
    if (performance.now() < askAt) return;
    askAt = performance.now() + ASK_MS;
    try {
      if (!(await takeUpkeepTurn(db))) return;
      for (const [what, work] of steps) await attempt(what, work);
    } catch (error) {
      // Postgres is away, and somebody else says so.
      log.debug({ error: (error as Error).message }, 'upkeep is put off');
    }
  };
}
