import type { Queryable } from '../db/database.ts';
import { likeId } from '../db/match.ts';
import { notFound, usageError } from '../errors.ts';
import { givenId } from '../ids.ts';
import type { ReceiptContent } from './content.ts';
import type { ReceiptKind } from './kinds/choose.ts';

export type DeliveryStatus = 'pending' | 'sending' | 'accepted' | 'held' | 'failed';

/** By mail, or printed and handed over. */
export type Channel = 'email' | 'paper';

/** One way of a receipt to its donor. */
export interface Delivery {
  id: string;
  kind: 'original' | 'copy';
  channel: Channel;
  status: DeliveryStatus;
  /** The address, or the file that it was printed into. */
  recipient: string;
  jobId: string | undefined;
  claimedAt: Date | undefined;
  messageId: string | undefined;
  acceptedAt: Date | undefined;
  /** How often it was let go again although an earlier mail may have gone out. */
  resends: number;
  /** It was accepted, and did not arrive. */
  bouncedAt: Date | undefined;
  bounceReason: string | undefined;
  /** The hash of the templates that it was written with. */
  template: string | undefined;
  reason: string | undefined;
  evidence: string | undefined;
  createdAt: Date;
}

export interface Receipt {
  id: string;
  number: string;
  kind: ReceiptKind;
  status: 'issued' | 'void';
  voidReason: string | undefined;
  /** The receipt that it cancels and replaces, and the one that replaces it, by their numbers. */
  replaces: string | undefined;
  replacedBy: string | undefined;
  donationId: string;
  content: ReceiptContent;
  deliveries: Delivery[];
}

/** What an error about a receipt speaks of. */
export const aboutReceipt = ({ id, number, donationId }: Receipt) => ({
  about: { donation: donationId, receipt: id, number },
});

/**
 * The receipt that a person means: by its id or an unambiguous beginning of it, its number, the id
 * of a delivery or of the donation, the number of the job that sends it, or the e-mail address of a
 * donor who has one receipt. A statement is meant by its own id or number only.
 *
 * @throws UserError `not_found`, or `usage` when several fit.
 */
export async function findReceipt(db: Queryable, ref: string): Promise<Receipt> {
  const text = ref.trim();
  const found = text.includes('@') ? await byEmail(db, text) : await byName(db, givenId(text));
  const [first, ...others] = found;
  if (!first) {
    throw notFound(
      `no receipt "${ref}"`,
      'Give its id (rcp_…), its number, the donation’s id or the donor’s address.',
    );
  }
  if (others.length > 0) {
    throw usageError(
      `"${ref}" fits several receipts: ${found.map(({ number }) => number).join(', ')}`,
      'Give the number of one.',
    );
  }
  return loadReceipt(db, first.id);
}

interface Found {
  id: string;
  number: string;
}

// How many are listed when more than one matches.
const SHOWN = 5;

async function byName(db: Queryable, text: string): Promise<Found[]> {
  const { rows } = await db.query<Found>(
    `select r.id, r.label as number from donations.receipts r
     where (starts_with($1, 'rcp_') and r.id like $2)
        or (starts_with($1, 'don_') and r.id in (
              select receipt_id from donations.receipt_donations
              where donation_id like $2 and live and kind <> 'annual'))
        or r.label = coalesce($3, $1)
        or r.id in (select receipt_id from donations.receipt_deliveries d
                    where (starts_with($1, 'dlv_') and d.id like $2)
                       or ($1 ~ '^\\d{1,18}$' and d.job_id = case when $1 ~ '^\\d{1,18}$' then $1::bigint end))
     order by r.created_at desc limit ${SHOWN}`,
    [text, likeId(text), wholeNumber(text)],
  );
  return rows;
}

async function byEmail(db: Queryable, email: string): Promise<Found[]> {
  const { rows } = await db.query<Found>(
    `select r.id, r.label as number from donations.receipts r
     where r.status = 'issued' and r.kind <> 'annual' and r.donor_id in (
       select e.donor_id from donations.donor_emails e where lower(e.email) = lower($1))
     order by r.created_at desc limit ${SHOWN}`,
    [email],
  );
  return rows;
}

/** `2026-41` in its printed form; null for a text that is not a number. */
function wholeNumber(text: string): string | null {
  const [, series, digits] = /^(.+)-0*(\d{1,18})$/.exec(text) ?? [];
  return series === undefined || digits === undefined
    ? null
    : `${series}-${digits.padStart(6, '0')}`;
}

interface Row {
  number: string;
  kind: ReceiptKind;
  status: 'issued' | 'void';
  voidReason: string | null;
  replaces: string | null;
  replacedBy: string | null;
  donationId: string;
  content: ReceiptContent;
}

interface DeliveryRow {
  id: string;
  kind: 'original' | 'copy';
  channel: Channel;
  status: DeliveryStatus;
  recipient: string;
  jobId: bigint | null;
  claimedAt: Date | null;
  messageId: string | null;
  acceptedAt: Date | null;
  resends: number;
  bouncedAt: Date | null;
  bounceReason: string | null;
  template: string | null;
  reason: string | null;
  evidence: string | null;
  createdAt: Date;
}

/**
 * Locks receipts and their deliveries, so that decisions about a receipt are made one after the other.
 * Bulk changes lock only the deliveries.
 */
export async function lockReceipts(tx: Queryable, ids: string[]): Promise<void> {
  await tx.query('select 1 from donations.receipts where id = any ($1) order by id for update', [
    ids,
  ]);
  await tx.query(
    `select 1 from donations.receipt_deliveries where receipt_id = any ($1)
     order by id for no key update`,
    [ids],
  );
}

/** Loads a receipt with its deliveries, oldest first. */
export async function loadReceipt(db: Queryable, id: string): Promise<Receipt> {
  const { rows } = await db.query<Row>(
    `select r.label as number, r.kind, r.status, r.void_reason as "voidReason", r.content,
       (select o.label from donations.receipts o where o.id = r.replaces) as replaces,
       (select n.label from donations.receipts n where n.replaces = r.id) as "replacedBy",
       (select min(c.donation_id) from donations.receipt_donations c where c.receipt_id = r.id) as "donationId"
     from donations.receipts r where r.id = $1`,
    [id],
  );
  const receipt = rows[0];
  if (!receipt) throw notFound(`no receipt ${id}`);
  const deliveries = await db.query<DeliveryRow>(
    `select id, kind, channel, status, recipient, job_id as "jobId", claimed_at as "claimedAt",
       message_id as "messageId", accepted_at as "acceptedAt", resends, bounced_at as "bouncedAt",
       bounce_reason as "bounceReason", template, reason, evidence,
       created_at as "createdAt"
     from donations.receipt_deliveries where receipt_id = $1 order by created_at, id`,
    [id],
  );
  return {
    ...receipt,
    id,
    voidReason: receipt.voidReason ?? undefined,
    replaces: receipt.replaces ?? undefined,
    replacedBy: receipt.replacedBy ?? undefined,
    deliveries: deliveries.rows.map((row) => ({
      ...row,
      jobId: row.jobId?.toString(),
      claimedAt: row.claimedAt ?? undefined,
      messageId: row.messageId ?? undefined,
      acceptedAt: row.acceptedAt ?? undefined,
      bouncedAt: row.bouncedAt ?? undefined,
      bounceReason: row.bounceReason ?? undefined,
      template: row.template ?? undefined,
      reason: row.reason ?? undefined,
      evidence: row.evidence ?? undefined,
    })),
  };
}
