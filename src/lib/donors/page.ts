import type { Queryable } from '../db/database.ts';
import { type ListedDonation, listDonations } from '../donations/list.ts';
import { parseDonationFilter } from '../donations/vocabulary.ts';
import { notFound } from '../errors.ts';

/** Everything that is known of one donor. */
export interface DonorPage {
  id: string;
  kind: 'person' | 'organization';
  name: string;
  emails: string[];
  address: string[];
  mayBeMailed: boolean;
  customer: string | null;
  sources: { source: string; id: string }[];
  createdAt: Date;
  /** The latest; `giftCount` is how many there are (at least, where `moreGifts`). */
  gifts: ListedDonation[];
  giftCount: number;
  moreGifts: boolean;
  receipts: DonorReceipt[];
  cards: DonorCard[];
  mails: DonorMail[];
  doubles: PossibleDouble[];
}

export interface DonorReceipt {
  id: string;
  number: string;
  kind: string;
  status: string;
  /** Null on a statement in several currencies. */
  minor: bigint | null;
  currency: string | null;
  issuedOn: string;
}

export interface DonorCard {
  brand: string;
  last4: string;
  savedAt: Date | null;
  lastUsedAt: Date;
}

export interface DonorMail {
  delivery: string;
  receipt: string;
  kind: 'original' | 'copy';
  status: string;
  recipient: string;
  at: Date;
  reason: string | null;
  evidence: string | null;
}

/** Two gifts of the same amount, shortly after each other. */
export interface PossibleDouble {
  donation: string;
  before: string;
  minor: bigint;
  currency: string;
  /** Milliseconds between them. */
  apartMs: number;
}

/** As much of each kind as is shown. */
const MOST_SHOWN = 50;
/** Gifts of one amount this close to each other may be one that was sent twice. */
const DOUBLE_WITHIN = '1 day';

/**
 * One page about a donor: gifts, receipts, cards, mails, and gifts that may be double.
 * @throws UserError `not_found`.
 */
export async function describeDonor(tx: Queryable, id: string): Promise<DonorPage> {
  const { rows } = await tx.query<Facts>(FACTS, [id]);
  const [facts] = rows;
  if (!facts) throw notFound(`no donor ${id}`, 'Find one: donations donors list');
  const { donations, total } = await listDonations(tx, parseDonationFilter(`donor:${id}`), {
    limit: MOST_SHOWN,
  });
  const list = async <Row extends object>(sql: string) =>
    (await tx.query<Row & Record<string, unknown>>(`${sql} limit ${MOST_SHOWN}`, [id]))
      .rows as Row[];
  return {
    ...facts,
    gifts: donations,
    giftCount: total.count,
    moreGifts: total.more,
    receipts: await list<DonorReceipt>(RECEIPTS),
    cards: await list<DonorCard>(CARDS),
    mails: await list<DonorMail>(MAILS),
    doubles: await list<PossibleDouble>(DOUBLES),
  };
}

type Facts = Omit<
  DonorPage,
  'gifts' | 'giftCount' | 'moreGifts' | 'receipts' | 'cards' | 'mails' | 'doubles'
>;

const FACTS = `
  select d.id, d.kind, d.name, d.may_be_mailed as "mayBeMailed", d.stripe_customer_id as customer,
    d.created_at as "createdAt",
    array_remove(d.address_lines || nullif(concat_ws(' ', d.postal_code, d.city, d.region), '') || d.country, null) as address,
    array(select e.email from donations.donor_emails e where e.donor_id = d.id
      order by e.is_primary desc, e.email) as emails,
    coalesce((select json_agg(json_build_object('source', s.source, 'id', s.source_id) order by s.source, s.source_id)
      from donations.donor_sources s where s.donor_id = d.id), '[]') as sources
  from donations.donors d where d.id = $1`;

const RECEIPTS = `
  select r.id, r.label as number, r.kind, r.status, r.amount_minor as minor, r.currency,
    r.issued_on as "issuedOn"
  from donations.receipts r where r.donor_id = $1 order by r.created_at desc, r.id desc`;

const CARDS = `
  select c.card_brand as brand, c.card_last4 as last4, max(c.card_saved_at) as "savedAt",
    max(d.created_at) as "lastUsedAt"
  from donations.donations d join donations.charges c on c.donation_id = d.id
  where d.donor_id = $1 and c.card_last4 is not null and c.card_brand is not null
  group by c.card_brand, c.card_last4 order by max(d.created_at) desc`;

const MAILS = `
  select m.id as delivery, r.label as receipt, m.kind, m.status, m.recipient,
    coalesce(m.accepted_at, m.claimed_at, m.created_at) as at, m.reason, m.evidence
  from donations.receipts r join donations.receipt_deliveries m on m.receipt_id = r.id
  where r.donor_id = $1 order by m.created_at desc, m.id desc`;

const DOUBLES = `
  select donation, before, minor, currency,
    (extract(epoch from at - before_at) * 1000)::float8 as "apartMs"
  from (
    select d.id as donation, d.amount_minor as minor, d.currency, d.created_at as at,
      lag(d.id) over gifts as before, lag(d.created_at) over gifts as before_at
    from donations.donations d
    where d.donor_id = $1 and d.status not in ('failed', 'void', 'refunded')
    window gifts as (partition by d.amount_minor, d.currency, d.gift_on order by d.created_at, d.id)
  ) g
  where at - before_at <= interval '${DOUBLE_WITHIN}' order by at desc`;
