import type { Queryable } from '../db/database.ts';
import { type BoundedCount, countRows, fromCursor, type Paging, toCursor } from '../db/page.ts';
import type { DonationStatus, Method } from '../donations/donation.ts';

/** A gift that is paid, and whose donor has no receipt. */
export interface MissingReceipt {
  donation: string;
  donor: { id: string; name: string; email: string | null };
  amountMinor: bigint;
  currency: string;
  method: Method;
  status: DonationStatus;
  givenOn: string;
  /** The receipt that was issued and did not reach the donor. */
  receipt: string | null;
  why: string;
}

const FROM = `donations.donations d
  join donations.donors n on n.id = d.donor_id
  left join donations.donor_emails e on e.donor_id = n.id and e.is_primary
  left join donations.receipt_donations c on c.donation_id = d.id and c.kind = 'donation' and c.live
  left join donations.receipts r on r.id = c.receipt_id
  left join lateral (
    select o.label, o.void_reason from donations.receipt_donations x
    join donations.receipts o on o.id = x.receipt_id
    where r.id is null and x.donation_id = d.id and x.kind = 'donation'
    order by o.created_at desc, o.id desc limit 1) v on true
  left join lateral (
    -- The delivery with the most progress; the newest of equals.
    select y.* from donations.receipt_deliveries y where y.receipt_id = r.id
    order by array_position(array['accepted', 'sending', 'pending', 'held', 'failed'],
      case when y.bounced_at is not null then 'failed' else y.status end), y.created_at desc limit 1) l on true
  where d.status in ('succeeded', 'partly_refunded', 'disputed')
    and ($1::date is null or d.gift_on >= $1::date)
    and (r.id is null or l.id is null or l.status in ('held', 'failed') or l.bounced_at is not null)`;

const ORDER = 'missing latest';

/**
 * One page of the gifts that are paid and not given back, and that no receipt was delivered for, with
 * the reason. Those that are on their way are not among them. The latest gift is the first.
 *
 * @param since the first day of the gift, `YYYY-MM-DD`; null for all.
 * @throws UserError `usage` when the cursor is of another list.
 */
export async function listMissing(
  db: Queryable,
  { since, limit, after }: { since: string | null } & Paging,
): Promise<{ missing: MissingReceipt[]; next: string | undefined }> {
  const [day = null, id = null] = after === undefined ? [] : fromCursor(after, ORDER);
  const { rows } = await db.query<MissingReceipt>(
    `select d.id as donation, json_build_object('id', n.id, 'name', n.name, 'email', e.email) as donor,
       d.amount_minor as "amountMinor", d.currency,
       d.method, d.status, d.gift_on as "givenOn", r.label as receipt,
       case
         when r.id is null and v.label is not null then 'receipt ' || v.label || ' is void: ' || v.void_reason
         when r.id is null and d.batch_id is not null then 'it was imported without receipts'
         when r.id is null then 'none was issued'
         when l.id is null and e.email is null then 'the donor has no e-mail address'
         when l.id is null and not n.may_be_mailed then 'the donor may not be mailed'
         when l.id is null then 'it was issued and not sent'
         when l.status = 'held' then 'it may have been sent: ' || l.reason
         when l.status = 'failed' then l.reason
         else 'it did not arrive: ' || l.bounce_reason
       end as why
     from ${FROM} and ($2::date is null or (d.gift_on, d.id) < ($2::date, $3::text))
     order by d.gift_on desc, d.id desc limit $4`,
    [since, day, id, limit + 1],
  );
  const missing = rows.slice(0, limit);
  const last = rows.length > limit ? missing.at(-1) : undefined;
  return { missing, next: last && toCursor(ORDER, [last.givenOn, last.donation]) };
}

/** How many gifts `listMissing` finds. */
export const countMissing = (db: Queryable, since: string | null): Promise<BoundedCount> =>
  countRows(db, [`select 1 from ${FROM}`], [since]);
