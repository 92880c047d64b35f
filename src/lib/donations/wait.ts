import { isConnectionError } from '../db/connection-error.ts';
import type { Db, Session } from '../db/database.ts';
import { type Donation, isSettled, loadDonation } from './donation.ts';
import { SETTLED_CHANNEL } from './settle.ts';

/**
 * Waits until a donation is settled, by LISTEN/NOTIFY instead of polling. A lost connection is
 * opened again.
 *
 * @param signal ends the wait; the promise then rejects with its reason.
 */
export async function waitUntilSettled(db: Db, id: string, signal: AbortSignal): Promise<Donation> {
  for (;;) {
    signal.throwIfAborted();
    try {
      const session = await db.session('donations wait');
      try {
        const settled = await listenForSettlement(db, session, id, signal);
        if (settled) return settled;
      } finally {
        await session.end().catch(() => {});
      }
    } catch (error) {
      if (!isConnectionError(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
    }
  }
}

const RECONNECT_MS = 1000;

/** The donation once it is settled; undefined when the connection was lost before. */
async function listenForSettlement(
  db: Db,
  session: Session,
  id: string,
  signal: AbortSignal,
): Promise<Donation | undefined> {
  let onAbort = () => {};
  const told = new Promise<boolean>((resolve, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    session.on('notification', ({ payload }) => {
      if (payload?.includes(`"${id}"`)) resolve(true);
    });
    session.on('error', () => resolve(false));
    session.on('end', () => resolve(false));
  });
  // The signal may come before the promise is awaited.
  told.catch(() => {});
  try {
    await session.query(`listen ${SETTLED_CHANNEL}`);
    // Reads after LISTEN, so that no settlement is missed in between.
    const now = await loadDonation(db, id);
    if (isSettled(now.status)) return now;
    return (await told) ? await loadDonation(db, id) : undefined;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
