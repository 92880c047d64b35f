import { setTimeout as wait } from 'node:timers/promises';
import { isConnectionError } from '../db/connection-error.ts';
import type { Db } from '../db/database.ts';
import type { DeliveryStatus } from './find-receipt.ts';

/** Where a delivery is, and why it is not further. */
export interface Progress {
  status: DeliveryStatus;
  reason: string | null;
}

const LOOK_EVERY_MS = 250;

/**
 * Waits until a delivery has come to an end: accepted, held or failed.
 *
 * @param onChange called with each new status.
 * @param signal ends the wait; the promise then rejects with its reason.
 */
export async function waitForDelivery(
  db: Db,
  deliveryId: string,
  { signal, onChange }: { signal: AbortSignal; onChange: (status: DeliveryStatus) => void },
): Promise<Progress> {
  let before: DeliveryStatus | undefined;
  for (;;) {
    signal.throwIfAborted();
    const now = await look(db, deliveryId);
    if (now && now.status !== before) {
      before = now.status;
      onChange(now.status);
    }
    if (now && now.status !== 'pending' && now.status !== 'sending') return now;
    await wait(LOOK_EVERY_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** Undefined while Postgres is away. */
async function look(db: Db, deliveryId: string): Promise<Progress | undefined> {
  try {
    const { rows } = await db.query<Progress>(
      'select status, reason from donations.receipt_deliveries where id = $1',
      [deliveryId],
    );
    return rows[0];
  } catch (error) {
    if (isConnectionError(error)) return undefined;
    throw error;
  }
}
