import type { Queryable } from '../db/database.ts';
import { deleteOlder } from '../db/retention.ts';

/** One stored event. Events with the same key are the same. */
export interface SeenEvent {
  key: string;
  type: string;
  /** The id of our record that the event is about. */
  subject: string | undefined;
}

/**
 * Stores events in the caller's transaction, so that an event counts as seen only if its effect is
 * committed. If another transaction is storing the same event, this one waits for it.
 *
 * @returns the keys that were not stored before.
 */
export async function markSeen(
  tx: Queryable,
  provider: 'stripe' | 'sendgrid',
  events: SeenEvent[],
): Promise<Set<string>> {
  const rows = events.map(({ key, type, subject }) => ({ key, type, subject: subject ?? null }));
  // Sorted, so that two batches with the same events cannot deadlock.
  const { rows: fresh } = await tx.query<{ key: string }>(
    `insert into donations.webhook_events (key, provider, type, subject)
     select key, $2, type, subject
     from json_to_recordset($1::json) as e(key text, type text, subject text)
     order by key
     on conflict (key) do nothing returning key`,
    [JSON.stringify(rows), provider],
  );
  return new Set(fresh.map(({ key }) => key));
}

/** Deletes events that providers no longer send again. */
export const forgetSeen = (db: Queryable, days: number): Promise<void> =>
  deleteOlder(db, { table: 'donations.webhook_events', key: 'key', at: 'received_at' }, days);
