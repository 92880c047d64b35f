import type { Logger } from 'pino';
import { deliverDue } from '../lib/alerts/deliver.ts';
import { evaluate } from '../lib/alerts/evaluate.ts';
import { watchOptions } from '../lib/alerts/watch.ts';
import type { Config } from '../lib/config.ts';
import type { Db } from '../lib/db/database.ts';
import { takeHealthTurn } from '../lib/health/states.ts';
import { plural } from '../lib/output/text.ts';
import type { MailGateway } from '../lib/providers/mail.ts';

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
 * The watch over the queue's health: every worker asks, one evaluates the rules; whatever alerts are
 * due then are delivered by whoever comes first. Neither stops a worker.
 *
 * @returns what asks whether it is time, and does it. It never rejects.
 */
export function healthWatch({ db, log, config, mail, env, isStopping }: HealthWatchDeps) {
  const options = watchOptions(config, { log, env, mail: async () => mail });
  let askAt = Number.NEGATIVE_INFINITY;
  let underWay = false;
  const work = async () => {
    if (await takeHealthTurn(db)) await evaluate(db, options);
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
  return async (): Promise<void> => {
    if (underWay || isStopping() || performance.now() < askAt) return;
    askAt = performance.now() + ASK_MS;
    underWay = true;
    try {
      await work();
    } catch (error) {
      // While Postgres is away others say so.
      log.debug({ error: (error as Error).message }, 'health is looked at later');
    } finally {
      underWay = false;
    }
  };
}
