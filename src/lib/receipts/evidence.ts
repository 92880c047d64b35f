import type { Db, Queryable } from '../db/database.ts';
import { settleByEvidence } from './resolve.ts';

/** The provider has told of a mail that names ids of ours: it accepted that mail. */
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
  status: string;
}

const MATCH = `
  select p.position::int as at, d.id, d.status
  from rows from (json_to_recordset($1::json) as (delivery_id text, receipt_id text, donation_id text))
    with ordinality as p(delivery_id, receipt_id, donation_id, position)
  cross join lateral (
    select id, status from donations.receipt_deliveries where id = p.delivery_id
    union all
    select id, status from donations.receipt_deliveries
    where p.delivery_id is null and receipt_id = p.receipt_id
    union all
    select d.id, d.status from donations.receipt_donations c
    join donations.receipt_deliveries d on d.receipt_id = c.receipt_id
    where p.delivery_id is null and p.receipt_id is null and c.donation_id = p.donation_id
  ) d`;

/**
 * Applies proofs of acceptance in the caller's transaction: held deliveries become accepted. A proof
 * often comes before its delivery is held, while the worker still waits for the answer that was
 * lost: it is kept, and `settleLateHolds` comes back to it.
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
  const settled = new Set<string>();
  let unknown = 0;
  for (const [i, proof] of proofs.entries()) {
    const matches = rows.filter(({ at }) => at === i + 1);
    const [delivery] = matches;
    // A receipt that was sent more than once is no evidence of which sending this was.
    if (!delivery || matches.length > 1) unknown += 1;
    else if (settled.has(delivery.id)) continue;
    else if (delivery.status === 'held' && (await settle(tx, delivery.id, proof)))
      settled.add(delivery.id);
    else if (delivery.status === 'sending' || delivery.status === 'pending')
      await keep(tx, delivery.id, proof);
  }
  return { settled: [...settled], unknown };
}

/** Settles the deliveries that were held after their evidence had come. @returns their ids. */
export async function settleLateHolds(db: Db): Promise<string[]> {
  // `needs_attention` is what the index is of.
  const { rows } = await db.query<{ id: string; type: string; subject: string }>(
    `select d.id, e.type, e.subject from donations.receipt_deliveries d
     join donations.webhook_events e on e.key = 'early ' || d.id
     where d.needs_attention and d.status = 'held'
     limit 1000`,
  );
  const settled: string[] = [];
  for (const { id, type, subject } of rows) {
    const [messageId = '', at = ''] = subject.split(' ');
    const proof = { event: type, at: new Date(at), messageId };
    if (await db.transaction((tx) => settle(tx, id, proof))) settled.push(id);
  }
  return settled;
}

const settle = (
  tx: Queryable,
  deliveryId: string,
  { event, at, messageId }: Pick<Proof, 'event' | 'at' | 'messageId'>,
) =>
  settleByEvidence(tx, {
    deliveryId,
    messageId,
    evidence: `SendGrid event ${event} at ${at.toISOString()}`,
  });

async function keep(
  tx: Queryable,
  deliveryId: string,
  { event, at, messageId }: Proof,
): Promise<void> {
  await tx.query(
    `insert into donations.webhook_events (key, provider, type, subject)
     values ('early ' || $1, 'sendgrid', $2, $3) on conflict (key) do nothing`,
    [deliveryId, event, `${messageId} ${at.toISOString()}`],
  );
}
