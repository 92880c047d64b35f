import type { Queryable } from '../db/database.ts';

/** One event as it is remembered. The key is what makes two of them the same. */
export interface SeenEvent {
  key: string;
  type: string;
  /** The id of ours that it is about. */
  subject: string | undefined;
}

/**
 * Remembers events in the caller's transaction, so that an event is seen if and only if its effect
 * is there. While another transaction has the same event, this one waits for its end.
 *
 * @returns the keys that were not seen before.
 */
export async function markSeen(
  tx: Queryable,
  provider: 'stripe' | 'sendgrid',
  events: SeenEvent[],
): Promise<Set<string>> {
  const rows = events.map(({ key, type, subject }) => ({ key, type, subject: subject ?? null }));
  // In one order always: two batches with the same events must not wait for each other.
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

/** Rows that one statement forgets at most; the rest goes the next time. */
const BATCH = 10_000;

/** Forgets events that providers do not send again any more. */
export async function forgetSeen(db: Queryable, days: number): Promise<void> {
  await db.query(
    `delete from donations.webhook_events where key in (
       select key from donations.webhook_events
       where received_at < now() - make_interval(days => $1) limit ${BATCH})`,
    [days],
  );
}
