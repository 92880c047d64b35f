import type { Logger } from 'pino';
import { deliverDue } from '../lib/alerts/deliver.ts';
import { evaluate } from '../lib/alerts/evaluate.ts';
import { watchOptions } from '../lib/alerts/watch.ts';
import type { Config } from '../lib/config.ts';
import type { Db } from '../lib/db/database.ts';
import { takeHealthTurn } from '../lib/health/states.ts';
import { plural } from '../lib/output/text.ts';
import type { MailGateway } from '../lib/providers/mail.ts';
import { recordRun } from '../lib/recurring/runs.ts';
import { inTurn } from './in-turn.ts';

export interface HealthWatchDeps {
  db: Db;
  log: Logger;
  config: Config;
  mail: MailGateway;
  env: NodeJS.ProcessEnv;
  isStopping: () => boolean;
}

/** How often a worker asks whether it is its turn. */
const ASK_MS = 2000;

/**
 * Watches the health of the queue. Every worker does this, but only one at a time evaluates the rules.
 * Each alert that is due is delivered by one worker. A failure of either does not stop a worker.
 *
 * @returns a function that does both if they are due. It never rejects.
 */
export function healthWatch({ db, log, config, mail, env, isStopping }: HealthWatchDeps) {
  const options = watchOptions(config, { log, env, mail: async () => mail });
  const work = async () => {
    if (await takeHealthTurn(db))
      await recordRun(db, 'health', async () => {
        await evaluate(db, options);
        return undefined;
      });
    if (isStopping()) return;
    for (const { route, alerts, failure } of await deliverDue(db, options)) {
      if (failure === undefined) log.debug({ route, alerts }, 'alerts are delivered');
      else
        log.error(
          { route, alerts },
          `route ${route} did not take ${plural(alerts, 'alert')}: ${failure}`,
        );
    }
  };
  return inTurn({
    everyMs: ASK_MS,
    isStopping,
    work,
    // Postgres is unavailable, which is reported elsewhere.
    onError: ({ message }) => log.debug({ error: message }, 'health is not evaluated'),
  });
}
