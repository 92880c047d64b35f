import type { Logger } from 'pino';
import { isConnectionError } from '../lib/db/connection-error.ts';
import type { Db, Queryable } from '../lib/db/database.ts';
import { forgetPaced } from '../lib/queue/change/recall.ts';
import { forgetDiscarded } from '../lib/queue/change/restore.ts';
import { adoptAllFailures } from '../lib/queue/run/adopt.ts';
import { forgetPauses } from '../lib/queue/run/pauses.ts';
import { takeUpkeepTurn } from '../lib/queue/run/upkeep-turn.ts';
import { dropStaleVerdicts } from '../lib/queue/run/verdicts.ts';
import { holdUnfinished } from '../lib/receipts/deliver.ts';
import { recordRun } from '../lib/recurring/runs.ts';
import { forgetSeen } from '../lib/webhooks/seen.ts';
import { inTurn } from './in-turn.ts';

/** Deleting a day of a busy queue can take longer than the usual limit of a worker's statements. */
const UPKEEP = { statementTimeoutMs: 10 * 60_000 };

export interface UpkeepDeps {
  db: Db;
  log: Logger;
  retentionDays: number;
  /** Whether the worker is stopping; then no further step is started. */
  isStopping: () => boolean;
}

/** How long a discard can be undone, and a paced retry cancelled. */
const RESTORABLE_DAYS = 30;
/** How often a worker checks whether maintenance is due. */
const ASK_MS = 60_000;

/**
 * Maintains the shared tables. Every worker does this, whatever its tasks, but only one at a time:
 * it makes the ledger's partitions for the next days, adopts jobs that others failed, and deletes
 * what is past its retention (old partitions, webhook events, discarded jobs, verdicts of jobs that
 * are gone). The steps are independent. A step that fails is repeated later and does not stop the
 * worker; until then the ledger's default partition stores every row.
 *
 * @returns a function that runs the maintenance if it is due. It never rejects, and may take
 *   minutes.
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
    ['adopt failed jobs', () => adoptAllFailures(db, holdUnfinished)],
    ['delete old pauses', inTime((tx) => forgetPauses(tx))],
    ['delete old webhook events', inTime((tx) => forgetSeen(tx, retentionDays))],
    ['delete old discarded jobs', inTime((tx) => forgetDiscarded(tx, RESTORABLE_DAYS))],
    ['delete old paced retries', inTime((tx) => forgetPaced(tx, RESTORABLE_DAYS))],
  ];
  const runSteps = async () => {
    const failures: string[] = [];
    for (const [what, step] of steps) {
      if (isStopping()) return [...failures, 'the worker stopped before the end'].join('; ');
      try {
        await step();
      } catch (error) {
        if (isConnectionError(error)) throw error;
        const { message } = error as Error;
        log.warn({ error: message }, `could not ${what}; will try again later`);
        failures.push(`could not ${what}: ${message}`);
      }
    }
    return failures.length > 0 ? failures.join('; ') : undefined;
  };
  const work = async () => {
    if (await takeUpkeepTurn(db)) await recordRun(db, 'upkeep', runSteps);
  };
  return inTurn({
    everyMs: ASK_MS,
    isStopping,
    work,
    // Postgres is unavailable, which is reported elsewhere.
    onError: ({ message }) => log.debug({ error: message }, 'maintenance is postponed'),
  });
}
