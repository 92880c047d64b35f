import type { Logger } from 'pino';
import type { Db } from '../lib/db/database.ts';
import { sampleIfDue } from '../lib/samples/record.ts';

const MINUTE_MS = 60_000;
/** After a minute's end its last attempts are still being written down. */
const LATE_MS = 2000;

/**
 * The sampling of the queue once a minute, for the charts: every worker asks whether it is due, one
 * does it. What fails is made up for a minute later, and stops no worker.
 *
 * @returns what asks whether it is time, and does it. It never rejects.
 */
export function queueSampling({
  db,
  log,
  isStopping,
}: {
  db: Db;
  log: Logger;
  isStopping: () => boolean;
}) {
  let askAt = 0;
  return async (): Promise<void> => {
    const now = Date.now();
    if (isStopping() || now < askAt) return;
    askAt = Math.ceil((now + 1) / MINUTE_MS) * MINUTE_MS + LATE_MS;
    try {
      await sampleIfDue(db);
    } catch (error) {
      log.debug({ error: (error as Error).message }, 'the queue was not sampled');
    }
  };
}
