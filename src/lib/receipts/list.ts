import type { Queryable } from '../db/database.ts';
import { Bindings } from '../filter/compile.ts';
import type { Channel, DeliveryStatus } from './find-receipt.ts';
import type { ReceiptKind } from './kinds/choose.ts';
import { conditionsOn, type ReceiptFilter } from './vocabulary.ts';

export interface ListedDelivery {
  receipt: string;
  number: string;
  of: ReceiptKind;
  isVoid: boolean;
  delivery: string;
  kind: 'original' | 'copy';
  /** `bounced`: it was accepted, and did not arrive. */
  status: DeliveryStatus | 'bounced';
  recipient: string;
  donation: string;
  /** Null on a statement in several currencies. */
  amountMinor: bigint | null;
  currency: string | null;
  channel: Channel;
  reason: string | null;
  at: Date;
}

/** Deliveries of receipts that a filter lets through, newest first. */
export async function listDeliveries(
  db: Queryable,
  filter: ReceiptFilter,
  limit: number,
): Promise<ListedDelivery[]> {
  const bindings = new Bindings();
  const { rows } = await db.query<ListedDelivery>(
    `select r.id as receipt, r.label as number, r.kind as of, r.status = 'void' as "isVoid",
       d.id as delivery, d.kind, case when d.bounced_at is null then d.status else 'bounced' end as status,
       d.recipient, d.channel,
       (select min(c.donation_id) from donations.receipt_donations c where c.receipt_id = r.id) as donation,
       r.amount_minor as "amountMinor", r.currency, coalesce(d.reason, d.bounce_reason) as reason,
       coalesce(d.accepted_at, d.claimed_at, d.created_at) as at
     from donations.receipt_deliveries d join donations.receipts r on r.id = d.receipt_id
     where ${conditionsOn(filter, bindings)}
     order by d.created_at desc, d.id desc limit ${bindings.add(limit)}`,
    bindings.values,
  );
  return rows;
}
