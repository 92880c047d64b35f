import type { Logger } from 'pino';
import { isConnectionError } from '../db/connection-error.ts';
import type { Db } from '../db/database.ts';
import { maskText } from '../mask.ts';
import { settleProved } from '../receipts/evidence.ts';

const LOOK_EVERY_MS = 1000;

/**
 * Looks every second for deliveries whose evidence came before they were held. An index holds only
 * those, so that a look costs nothing.
 * @returns what ends it: resolves when nothing is under way any more.
 */
export function watchLateHolds(db: Db, log: Logger): () => Promise<void> {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const look = async () => {
    try {
      for (const delivery of await settleProved(db)) {
        log.info(
          { provider: 'sendgrid', delivery },
          'held delivery settled by earlier evidence: accepted',
        );
      }
    } catch (error) {
      // Without Postgres nothing can be held either; whoever calls meanwhile is told 503.
      if (!isConnectionError(error))
        log.error({ why: maskText(String(error)) }, 'looking for late holds failed');
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
