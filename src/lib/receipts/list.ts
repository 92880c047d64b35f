import type { Queryable } from '../db/database.ts';
import { type BoundedCount, countRows, fromCursor, type Paging, toCursor } from '../db/page.ts';
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
  /** The donor, with the name that is printed on the receipt. */
  donor: string;
  donorName: string;
  donation: string;
  /** Null on a statement in several currencies. */
  amountMinor: bigint | null;
  currency: string | null;
  channel: Channel;
  reason: string | null;
  at: Date;
  issuedOn: string;
}

const FROM = 'donations.receipt_deliveries d join donations.receipts r on r.id = d.receipt_id';
const ORDER = 'deliveries newest';

/** How many deliveries a filter lets through. */
export function countDeliveries(db: Queryable, filter: ReceiptFilter): Promise<BoundedCount> {
  const bindings = new Bindings();
  const select = `select 1 from ${FROM} where ${conditionsOn(filter, bindings)}`;
  return countRows(db, [select], bindings.values);
}

/** One page of the deliveries of receipts that a filter lets through, newest first. */
export async function listDeliveries(
  db: Queryable,
  filter: ReceiptFilter,
  { limit, after }: Paging,
): Promise<{ deliveries: ListedDelivery[]; next: string | undefined }> {
  const bindings = new Bindings();
  const where = [conditionsOn(filter, bindings)];
  if (after !== undefined) {
    const [at, id] = fromCursor(after, ORDER).map((value) => bindings.add(value));
    where.push(`(d.created_at, d.id) < (${at}::timestamptz, ${id})`);
  }
  const { rows } = await db.query<ListedDelivery & { place: string }>(
    `select r.id as receipt, r.label as number, r.kind as of, r.status = 'void' as "isVoid",
       d.id as delivery, d.kind, case when d.bounced_at is null then d.status else 'bounced' end as status,
       d.recipient, d.channel, r.donor_id as donor, r.content->'donor'->>'name' as "donorName",
       (select min(c.donation_id) from donations.receipt_donations c where c.receipt_id = r.id) as donation,
       r.amount_minor as "amountMinor", r.currency, coalesce(d.reason, d.bounce_reason) as reason,
       coalesce(d.accepted_at, d.claimed_at, d.created_at) as at, r.issued_on as "issuedOn",
       d.created_at::text as place
     from ${FROM} where ${where.join(' and ')}
     order by d.created_at desc, d.id desc limit ${bindings.add(limit + 1)}`,
    bindings.values,
  );
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return {
    deliveries: rows.slice(0, limit).map(({ place: _, ...delivery }) => delivery),
    next: last && toCursor(ORDER, [last.place, last.delivery]),
  };
}
