import type { Queryable } from '../db/database.ts';
import type { DeliveryStatus } from './find.ts';

export interface ReceiptFilter {
  status?: DeliveryStatus | undefined;
  limit: number;
}

export interface ListedDelivery {
  receipt: string;
  number: string;
  delivery: string;
  kind: 'original' | 'copy';
  status: DeliveryStatus;
  recipient: string;
  donation: string;
  amountMinor: bigint;
  currency: string;
  reason: string | null;
  at: Date;
}

/** Deliveries of receipts, newest first. */
export async function listDeliveries(
  db: Queryable,
  { status, limit }: ReceiptFilter,
): Promise<ListedDelivery[]> {
  const { rows } = await db.query<ListedDelivery>(
    `select r.id as receipt, r.label as number, d.id as delivery, d.kind, d.status, d.recipient,
       (select min(c.donation_id) from donations.receipt_donations c where c.receipt_id = r.id) as donation,
       r.amount_minor as "amountMinor", r.currency, d.reason, coalesce(d.accepted_at, d.claimed_at, d.created_at) as at
     from donations.receipt_deliveries d join donations.receipts r on r.id = d.receipt_id
     where ($1::text is null or d.status = $1)
       ${status === 'held' || status === 'failed' ? 'and d.needs_attention' : ''}
     order by d.created_at desc, d.id desc limit $2`,
    [status ?? null, limit],
  );
  return rows;
}
