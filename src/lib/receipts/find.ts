import type { Queryable } from '../db/database.ts';
import { likeId } from '../db/match.ts';
import { notFound, usageError } from '../errors.ts';
import { givenId } from '../ids.ts';
import type { ReceiptContent } from './content.ts';

export type DeliveryStatus = 'pending' | 'sending' | 'accepted' | 'held' | 'failed';

/** One way of a receipt to its donor. */
export interface Delivery {
  id: string;
  kind: 'original' | 'copy';
  status: DeliveryStatus;
  recipient: string;
  jobId: string | undefined;
  claimedAt: Date | undefined;
  messageId: string | undefined;
  acceptedAt: Date | undefined;
  reason: string | undefined;
  evidence: string | undefined;
  createdAt: Date;
}

export interface Receipt {
  id: string;
  number: string;
  status: 'issued' | 'void';
  donationId: string;
  content: ReceiptContent;
  deliveries: Delivery[];
}

/**
 * The receipt that a person means: by its id or an unambiguous beginning of it, its number, the id
 * of a delivery or of the donation, or the number of the job that sends it.
 *
 * @throws UserError `not_found`, or `usage` when several fit.
 */
export async function findReceipt(db: Queryable, ref: string): Promise<Receipt> {
  const text = givenId(ref);
  const pattern = likeId(text);
  const { rows } = await db.query<{ id: string }>(
    `select r.id from donations.receipts r
     where (starts_with($1, 'rcp_') and r.id like $2)
        or (starts_with($1, 'don_') and r.id in (
              select receipt_id from donations.receipt_donations where donation_id like $2 and live))
        or r.label = coalesce($3, $1)
        or r.id in (select receipt_id from donations.receipt_deliveries d
                    where (starts_with($1, 'dlv_') and d.id like $2)
                       or ($1 ~ '^\\d{1,18}$' and d.job_id = case when $1 ~ '^\\d{1,18}$' then $1::bigint end))
     limit 3`,
    [text, pattern, wholeNumber(text)],
  );
  const [found, other] = rows;
  if (!found)
    throw notFound(`no receipt "${ref}"`, 'Give its id (rcp_…), its number, or the donation’s id.');
  if (other) throw usageError(`"${ref}" fits several receipts`, 'Give more of the id.');
  return loadReceipt(db, found.id);
}

/** `2026-41` as it is printed; null for what is no number. */
function wholeNumber(text: string): string | null {
  const [, series, digits] = /^(.+)-0*(\d{1,18})$/.exec(text) ?? [];
  return series === undefined || digits === undefined
    ? null
    : `${series}-${digits.padStart(6, '0')}`;
}

/** Loads a receipt with its deliveries, oldest first. */
export async function loadReceipt(db: Queryable, id: string): Promise<Receipt> {
  const receipt = await db.query<{
    status: 'issued' | 'void';
    donation: string;
    content: ReceiptContent;
  }>(
    `select r.status, r.content,
       (select min(c.donation_id) from donations.receipt_donations c where c.receipt_id = r.id) as donation
     from donations.receipts r where r.id = $1`,
    [id],
  );
  const row = receipt.rows[0];
  if (!row) throw notFound(`no receipt ${id}`);
  const { rows } = await db.query<DeliveryRow>(
    'select * from donations.receipt_deliveries where receipt_id = $1 order by created_at, id',
    [id],
  );
  return {
    id,
    number: row.content.number,
    status: row.status,
    donationId: row.donation,
    content: row.content,
    deliveries: rows.map(toDelivery),
  };
}

interface DeliveryRow {
  id: string;
  kind: 'original' | 'copy';
  status: DeliveryStatus;
  recipient: string;
  job_id: bigint | null;
  claimed_at: Date | null;
  message_id: string | null;
  accepted_at: Date | null;
  reason: string | null;
  evidence: string | null;
  created_at: Date;
}

const toDelivery = (row: DeliveryRow): Delivery => ({
  id: row.id,
  kind: row.kind,
  status: row.status,
  recipient: row.recipient,
  jobId: row.job_id?.toString(),
  claimedAt: row.claimed_at ?? undefined,
  messageId: row.message_id ?? undefined,
  acceptedAt: row.accepted_at ?? undefined,
  reason: row.reason ?? undefined,
  evidence: row.evidence ?? undefined,
  createdAt: row.created_at,
});

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
  amount_minor: bigint;
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
       r.amount_minor, r.currency, d.reason, coalesce(d.accepted_at, d.claimed_at, d.created_at) as at
     from donations.receipt_deliveries d join donations.receipts r on r.id = d.receipt_id
     where ($1::text is null or d.status = $1)
       ${status === 'held' || status === 'failed' ? 'and d.needs_attention' : ''}
     order by d.created_at desc, d.id desc limit $2`,
    [status ?? null, limit],
  );
  return rows;
}
