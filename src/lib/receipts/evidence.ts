import type { Db, Queryable } from '../db/database.ts';
import { acceptProved, keepEvidence } from './settle.ts';

/** The provider reported a mail with ids of ours, so it accepted that mail. */
export interface Proof {
  /** What became of the mail, in the provider's word: `delivered`. */
  event: string;
  at: Date;
  messageId: string;
  deliveryId: string | undefined;
  receiptId: string | undefined;
  donationId: string | undefined;
}

interface Match {
  at: number;
  id: string;
}

const MATCH = `
  select p.position::int as at, d.id
  from rows from (json_to_recordset($1::json) as (delivery_id text, receipt_id text, donation_id text))
    with ordinality as p(delivery_id, receipt_id, donation_id, position)
  cross join lateral (
    select id from donations.receipt_deliveries where id = p.delivery_id
    union all
    select id from donations.receipt_deliveries
    where p.delivery_id is null and receipt_id = p.receipt_id
    union all
    select d.id from donations.receipt_donations c
    join donations.receipt_deliveries d on d.receipt_id = c.receipt_id
    where p.delivery_id is null and p.receipt_id is null and c.donation_id = p.donation_id
  ) d`;

/**
 * Applies proofs of acceptance in the caller's transaction: deliveries that are held, or wait to be sent
 * again, become accepted. A proof often comes while the worker still waits for an answer that is lost:
 * it is kept on the delivery, and settles it when the attempt has ended.
 *
 * @returns the deliveries settled, and how many proofs name nothing of ours, or no single delivery.
 */
export async function applyEvidence(
  tx: Queryable,
  proofs: Proof[],
): Promise<{ settled: string[]; unknown: number }> {
  if (proofs.length === 0) return { settled: [], unknown: 0 };
  const asked = proofs.map(({ deliveryId, receiptId, donationId }) => ({
    delivery_id: deliveryId ?? null,
    receipt_id: receiptId ?? null,
    donation_id: donationId ?? null,
  }));
  const { rows } = await tx.query<Match>(MATCH, [JSON.stringify(asked)]);
  // In one order always: two batches about the same deliveries must not wait for each other.
  const proved: { id: string; proof: Proof }[] = [];
  let unknown = 0;
  for (const [i, proof] of proofs.entries()) {
    const [delivery, ...others] = rows.filter(({ at }) => at === i + 1);
    // A receipt that was sent more than once is no evidence of which sending this was.
    if (!delivery || others.length > 0) unknown += 1;
    else if (!proved.some(({ id }) => id === delivery.id)) proved.push({ id: delivery.id, proof });
  }
  proved.sort((a, b) => (a.id < b.id ? -1 : 1));
  const settled: string[] = [];
  for (const { id, proof } of proved) {
    const evidence = `SendGrid event ${proof.event} at ${proof.at.toISOString()}`;
    await keepEvidence(tx, { id, evidence, messageId: proof.messageId });
    if (await acceptProved(tx, id)) settled.push(id);
  }
  return { settled, unknown };
}

/**
 * Settles deliveries whose evidence came before their attempt had ended.
 * @param deliveryId this one only: an attempt found it, and will not send it.
 * @returns their ids.
 */
export async function settleProved(db: Db, deliveryId?: string): Promise<string[]> {
  // `proved` is what the index is of: it holds only what is to be settled.
  const { rows } = await db.query<{ id: string }>(
    `select id from donations.receipt_deliveries
     where proved and ($1::text is null or id = $1) order by id limit 1000`,
    [deliveryId ?? null],
  );
  const settled: string[] = [];
  for (const { id } of rows) {
    const took = { whileSending: deliveryId !== undefined };
    if (await db.transaction((tx) => acceptProved(tx, id, took))) settled.push(id);
  }
  return settled;
}

/** A mail that was accepted and did not arrive. */
export interface Bounce {
  deliveryId: string;
  reason: string;
  at: Date;
}

/** Records that mails did not arrive, in the caller's transaction. What arrived later is another delivery. */
export async function recordBounces(tx: Queryable, bounces: Bounce[]): Promise<void> {
  if (bounces.length === 0) return;
  const rows = bounces.map(({ deliveryId, reason, at }) => ({ id: deliveryId, reason, at }));
  await tx.query(
    `update donations.receipt_deliveries d set bounced_at = b.at, bounce_reason = left(b.reason, 500)
     from (select distinct on (id) * from json_to_recordset($1::json) as r(id text, reason text, at timestamptz)
           order by id, at) b
     where d.id = b.id and d.bounced_at is null`,
    [JSON.stringify(rows)],
  );
}

/**
 * The deliveries whose mails have these ids of the provider.
 * @returns their ids by the mail's; several where several deliveries have the same one.
 */
export async function findSentAs(
  db: Queryable,
  messageIds: string[],
): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  if (messageIds.length === 0) return found;
  const { rows } = await db.query<{ id: string; messageId: string }>(
    `select id, message_id as "messageId" from donations.receipt_deliveries
     where message_id = any ($1)`,
    [[...new Set(messageIds)]],
  );
  for (const { id, messageId } of rows) found.set(messageId, [...(found.get(messageId) ?? []), id]);
  return found;
}

/** Held deliveries to these addresses, which are in lower case. */
export async function findHeldTo(
  db: Queryable,
  emails: string[],
): Promise<{ receipt: string; delivery: string; email: string }[]> {
  if (emails.length === 0) return [];
  const { rows } = await db.query<{ receipt: string; delivery: string; email: string }>(
    `select r.label as receipt, d.id as delivery, lower(d.recipient) as email
     from donations.receipt_deliveries d join donations.receipts r on r.id = d.receipt_id
     where d.needs_attention and d.status = 'held' and lower(d.recipient) = any ($1)
     order by d.created_at, d.id`,
    [emails],
  );
  return rows;
}
