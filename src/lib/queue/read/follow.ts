import { setTimeout as wait } from 'node:timers/promises';
import { isConnectionError } from '../../db/connection-error.ts';
import type { Db, Session } from '../../db/database.ts';
import { readWithin } from '../../db/read.ts';
import { ACTIVITY_CHANNEL } from '../run/activity.ts';
import { type LogFilter, type LoggedAttempt, type LogPlace, readNewAttempts } from './log.ts';

/** NOTIFY wakes the reader. It also looks by itself, because some poolers and standbys deliver none. */
const LOOK_MS = 2000;
/** The shortest time between two reads, however many workers notify. */
const REST_MS = 200;
const RECONNECT_MS = 1000;

interface Follow {
  /** Where the last read ended. */
  place: LogPlace;
  /** The limit of a statement. */
  timeoutMs: number;
  /** Ends it. */
  signal: AbortSignal;
  onAttempts: (attempts: LoggedAttempt[]) => void;
  /** The connection is lost; it is opened again until that succeeds. Called once for each loss. */
  onLost: (error: Error) => void;
  onBack: () => void;
}

/**
 * Passes on attempts as workers record them, until the signal. What is recorded while the database is
 * away follows when it is back.
 */
export async function followAttempts(db: Db, filter: LogFilter, follow: Follow): Promise<void> {
  const { signal } = follow;
  const ended = new Promise<void>((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  // A connection that does not answer must not delay the end.
  await Promise.race([ended, readOn(db, filter, follow)]);
}

async function readOn(db: Db, filter: LogFilter, follow: Follow): Promise<void> {
  const { signal, timeoutMs, onAttempts, onLost, onBack } = follow;
  let { place } = follow;
  let isLost = false;
  while (!signal.aborted) {
    let listening: Listening | undefined;
    try {
      listening = await listen(db);
      while (!signal.aborted && !listening.isLost()) {
        place = await readWithin(db, timeoutMs, (tx) =>
          readNewAttempts(tx, filter, place, onAttempts),
        );
        if (isLost) onBack();
        isLost = false;
        await listening.next(signal);
      }
    } catch (error) {
      if (!isConnectionError(error)) throw error;
      if (!isLost) onLost(error as Error);
      isLost = true;
      await pause(RECONNECT_MS, signal);
    } finally {
      await listening?.end();
    }
  }
}

interface Listening {
  /** Resolves when something may have happened. */
  next(signal: AbortSignal): Promise<void>;
  isLost(): boolean;
  end(): Promise<void>;
}

async function listen(db: Db): Promise<Listening> {
  const session = await db.session('donations logs');
  let lost = false;
  let wake = () => {};
  let hasNotice = false;
  const onNotice = () => {
    hasNotice = true;
    wake();
  };
  const lose = () => {
    lost = true;
    onNotice();
  };
  session.on('notification', onNotice);
  session.on('error', lose);
  session.on('end', lose);
  await listenOn(session);
  return {
    isLost: () => lost,
    async next(signal) {
      await pause(REST_MS, signal);
      if (!hasNotice && !signal.aborted) {
        const stop = new AbortController();
        wake = () => stop.abort();
        await pause(LOOK_MS, AbortSignal.any([signal, stop.signal]));
      }
      hasNotice = false;
    },
    end: () => session.end().catch(() => {}),
  };
}

// https://www.postgresql.org/docs/18/errcodes-appendix.html: read_only_sql_transaction
const STANDBY = '25006';

/** A standby cannot LISTEN. */
async function listenOn(session: Session): Promise<void> {
  try {
    await session.query(`listen ${ACTIVITY_CHANNEL}`);
  } catch (error) {
    if ((error as { code?: string }).code !== STANDBY) {
      await session.end().catch(() => {});
      throw error;
    }
  }
}

/** Ends early, without an error, when the signal is aborted. */
const pause = (ms: number, signal: AbortSignal) => wait(ms, undefined, { signal }).catch(() => {});
