import type { Logger } from 'pino';
import { isConnectionError } from '../db/connection-error.ts';
import type { Db } from '../db/database.ts';
import { maskText } from '../mask.ts';
import { settleProved } from '../receipts/evidence.ts';

const LOOK_EVERY_MS = 1000;

/**
 * Checks every second for deliveries whose evidence arrived before they were held. A partial index
 * contains only these, so a check costs almost nothing.
 * @returns a function that stops it and resolves when no check is running.
 */
export function watchLateHolds(db: Db, log: Logger): () => Promise<void> {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const look = async () => {
    try {
      for (const delivery of await settleProved(db)) {
        log.info(
          { provider: 'sendgrid', delivery },
          'held delivery resolved by earlier evidence: accepted',
        );
      }
    } catch (error) {
      // Without Postgres no delivery becomes held, and webhooks are answered with 503.
      if (!isConnectionError(error))
        log.error({ why: maskText(String(error)) }, 'the check for late evidence failed');
    }
    if (!stopped) timer = setTimeout(again, LOOK_EVERY_MS);
  };
  let underWay = look();
  const again = () => {
    underWay = look();
  };
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await underWay;
  };
}
