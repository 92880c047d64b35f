import type { Queryable } from '../db/database.ts';
import { type BoundedCount, countRows, fromCursor, type Paging, toCursor } from '../db/page.ts';
import { isDonor } from '../donors/vocabulary.ts';
import {
  amounts,
  Bindings,
  beginsWith,
  type Condition,
  type Conditions,
  compileFilter,
  isDated,
  isSince,
  matches,
  matchesAnyCase,
} from '../filter/compile.ts';
import { type DonationStatus, FUNDS, type Method } from './donation.ts';
import type { DonationFilter, DonationTerm } from './vocabulary.ts';

/** A donation in lists. */
export interface ListedDonation {
  id: string;
  status: DonationStatus;
  method: Method;
  minor: bigint;
  currency: string;
  refundedMinor: bigint;
  donorId: string;
  donorName: string;
  donorEmail: string | null;
  fund: string | null;
  campaign: string | null;
  card: { brand: string; last4: string } | null;
  failure: string | null;
  /** The number of its receipt in its printed form. */
  receipt: string | null;
  giftOn: string;
  receivedOn: string;
  batch: string | null;
  source: string | null;
  sourceId: string | null;
  request: string | null;
  createdAt: Date;
}

/** A decline is a failure too: the card's. */
const hasStatus: Condition = (term, bindings) => {
  const isOne = matches('d.status')(term, bindings);
  return term.values.includes('declined')
    ? `${isOne} or d.status = 'failed' and exists (select 1 from donations.charges c
        where c.donation_id = d.id and c.failure_code is not null)`
    : isOne;
};

const CONDITIONS: Conditions<DonationTerm> = {
  donation: beginsWith('d.id'),
  donor: isDonor('d.donor_id'),
  status: hasStatus,
  amount: amounts('d.amount_minor', 'd.currency'),
  currency: matchesAnyCase('d.currency'),
  date: isDated('d.gift_on'),
  received: isDated('d.received_on'),
  fund: (term, bindings) =>
    `exists (select 1 from donations.allocations a
      where a.donation_id = d.id and ${matchesAnyCase('a.fund')(term, bindings)})`,
  campaign: matchesAnyCase('d.campaign'),
  method: matches('d.method'),
  card: (term, bindings) =>
    `d.id in (select c.donation_id from donations.charges c
      where ${matches('c.card_last4')(term, bindings)})`,
  batch: beginsWith('d.batch_id'),
  source: (term, bindings) =>
    `${matches('d.source')(term, bindings)} or ${matches('d.source_id')(term, bindings)}`,
  request: matches('d.request_id'),
  since: isSince('d.created_at'),
};

const ORDER = 'donations newest';

/** One page of the donations that a filter lets through, the latest recorded first. */
export async function listDonations(
  tx: Queryable,
  filter: DonationFilter,
  { limit, after }: Paging,
): Promise<{ donations: ListedDonation[]; total: BoundedCount; next: string | undefined }> {
  const bindings = new Bindings();
  const where = ['true', ...compileFilter(filter, CONDITIONS, bindings)];
  const select = `select 1 from donations.donations d where ${where.join(' and ')}`;
  const total = await countRows(tx, [select], bindings.values);
  if (after !== undefined) {
    const [at, id] = fromCursor(after, ORDER).map((value) => bindings.add(value));
    where.push(`(d.created_at, d.id) < (${at}::timestamptz, ${id})`);
  }
  const { rows } = await tx.query<ListedDonation & { at: string }>(
    `with page as materialized (
       select d.* from donations.donations d where ${where.join(' and ')}
       order by d.created_at desc, d.id desc limit ${limit + 1}
     )
     select d.id, d.status, d.method, d.amount_minor as minor, d.currency,
       (select coalesce(max(f.total_minor), 0)::bigint from donations.refunds f where f.donation_id = d.id) as "refundedMinor",
       n.id as "donorId", n.name as "donorName", e.email as "donorEmail", ${FUNDS} as fund, d.campaign,
       case when c.card_last4 is not null
         then json_build_object('brand', c.card_brand, 'last4', c.card_last4) end as card,
       coalesce(c.failure_reason, c.failure_code) as failure,
       (select r.label from donations.receipt_donations l join donations.receipts r on r.id = l.receipt_id
        where l.donation_id = d.id and l.live and l.kind = 'donation') as receipt,
       d.gift_on as "giftOn", d.received_on as "receivedOn", d.batch_id as batch, d.source,
       d.source_id as "sourceId", d.request_id as request, d.created_at as "createdAt",
       d.created_at::text as at
     from page d
     join donations.donors n on n.id = d.donor_id
     left join donations.donor_emails e on e.donor_id = n.id and e.is_primary
     left join donations.charges c on c.donation_id = d.id
     order by d.created_at desc, d.id desc`,
    bindings.values,
  );
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return {
    donations: rows.slice(0, limit).map(({ at: _, ...donation }) => donation),
    total,
    next: last && toCursor(ORDER, [last.at, last.id]),
  };
}
