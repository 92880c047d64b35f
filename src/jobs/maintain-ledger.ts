import type { Logger } from 'pino';
import { isConnectionError } from '../lib/db/connection-error.ts';
import type { Db, Queryable } from '../lib/db/database.ts';
import { forgetPaced } from '../lib/queue/change/recall.ts';
import { forgetDiscarded } from '../lib/queue/change/restore.ts';
import { adoptAllFailures } from '../lib/queue/run/adopt.ts';
import { forgetPauses } from '../lib/queue/run/pauses.ts';
import { takeUpkeepTurn } from '../lib/queue/run/upkeep-turn.ts';
import { dropStaleVerdicts } from '../lib/queue/run/verdicts.ts';
import { forgetSeen } from '../lib/webhooks/seen.ts';

/** Deleting a day of a busy queue takes longer than a worker's other statements may. */
const UPKEEP = { statementTimeoutMs: 10 * 60_000 };

export interface UpkeepDeps {
  db: Db;
  log: Logger;
  retentionDays: number;
  /** Whether the worker ends: no further step is begun then. */
  isStopping: () => boolean;
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
 * @returns what asks whether it is time, and does it. It never rejects, and may take minutes.
 */
export function ledgerUpkeep({ db, log, retentionDays, isStopping }: UpkeepDeps) {
  const inTime = (work: (tx: Queryable) => Promise<unknown>) => () => db.transaction(work, UPKEEP);
  const steps: [string, () => Promise<unknown>][] = [
    ['make partitions', inTime((tx) => tx.query('select donations.ensure_attempt_partitions()'))],
    [
      'drop old partitions',
      inTime((tx) => tx.query('select donations.prune_attempts($1)', [retentionDays])),
    ],
    ['drop stale verdicts', inTime((tx) => dropStaleVerdicts(tx))],
    ['take in failed jobs', () => adoptAllFailures(db)],
    ['forget old pauses', inTime((tx) => forgetPauses(tx))],
    ['forget webhook events', inTime((tx) => forgetSeen(tx, retentionDays))],
    ['forget discarded jobs', inTime((tx) => forgetDiscarded(tx, RESTORABLE_DAYS))],
    ['forget paced retries', inTime((tx) => forgetPaced(tx, RESTORABLE_DAYS))],
  ];
  let askAt = Number.NEGATIVE_INFINITY;
  let underWay = false;
  const work = async () => {
    if (!(await takeUpkeepTurn(db))) return;
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
