import type { Queryable } from '../db/database.ts';
import type { DonationStatus, Method } from '../donations/donation.ts';
import { FUNDS } from '../donations/donation.ts';
import { type Declaration, declarationsOf } from '../donors/declaration.ts';
import { CURRENT_ORGANIZATION, type Organization } from '../organizations/organization.ts';
import type { ReceiptContent } from './content.ts';

/** The facts of a receipt for a gift: the gift, its donor, and the present organisation. */
export interface GiftFacts {
  id: string;
  status: DonationStatus;
  method: Method;
  amountMinor: bigint;
  /** What was given back so far. */
  refundedMinor: bigint;
  goodsValueMinor: bigint;
  goodsDescription: string | null;
  inKindDescription: string | null;
  currency: string;
  /** Days in the organisation's time zone. */
  giftOn: string;
  receivedOn: string;
  today: string;
  fund: string | null;
  campaign: string | null;
  card: { brand: string; last4: string } | null;
  /** The donor's, or else the organisation's. BCP 47. */
  locale: string;
  donor: {
    id: string;
    kind: 'person' | 'organization';
    name: string;
    email: string | null;
    address: string[];
    mayBeMailed: boolean;
  };
  /** The donor's Gift Aid declarations; none unless the organisation is in the United Kingdom. */
  declarations: Declaration[];
  /** The value of what the donor got for other gifts in the same tax year; 0 outside the United Kingdom. */
  otherBenefitsMinor: bigint;
  organization: Organization;
  mode: ReceiptContent['mode'];
}

/**
 * SQL: what the donor of `d` got for other gifts in its tax year, which begins on 6 April, in the
 * smallest unit of the currency.
 */
const OTHER_BENEFITS = `(
  select coalesce(sum(x.goods_value_minor), 0)::bigint from donations.donations x
  where x.donor_id = d.donor_id and x.id <> d.id and x.currency = d.currency and x.goods_value_minor > 0
    and x.status in ('succeeded', 'partly_refunded', 'disputed')
    and extract(year from x.gift_on - interval '3 months 5 days')
      = extract(year from d.gift_on - interval '3 months 5 days'))`;

/**
 * Loads the facts of gifts, in the order of their ids as given.
 * @param lock keeps the donations' rows for this transaction, so that two settlements cannot cross.
 */
export async function loadManyGiftFacts(
  tx: Queryable,
  donationIds: string[],
  { lock = false } = {},
): Promise<GiftFacts[]> {
  const { rows } = await tx.query<GiftFacts>(
    `select d.id, d.status, d.method, d.amount_minor as "amountMinor", d.goods_value_minor as "goodsValueMinor",
       (select coalesce(sum(f.amount_minor), 0)::bigint from donations.refunds f where f.donation_id = d.id) as "refundedMinor",
       d.goods_description as "goodsDescription", d.in_kind_description as "inKindDescription", d.currency,
       d.gift_on as "giftOn", d.received_on as "receivedOn",
       (now() at time zone o."timeZone")::date as today, ${FUNDS} as fund, d.campaign,
       case when c.card_brand is not null and c.card_last4 is not null
         then json_build_object('brand', c.card_brand, 'last4', c.card_last4) end as card,
       coalesce(n.locale, o.locale) as locale,
       json_build_object('id', n.id, 'kind', n.kind, 'name', n.name, 'email', e.email,
         'address', to_json(n.address_lines || array_remove(array[
           nullif(concat_ws(' ', concat_ws(', ', n.city, n.region), n.postal_code), ''), n.country], null)),
         'mayBeMailed', n.may_be_mailed) as donor,
       case o.country when 'GB' then ${declarationsOf('n.id')} else '[]' end as declarations,
       case o.country when 'GB' then ${OTHER_BENEFITS} else 0::bigint end as "otherBenefitsMinor",
       -- Once: it is the same for all.
       case when asked.place = 1 then to_json(o) end as organization,
       (select value from donations.settings where key = 'mode') as mode
     from unnest($1::text[]) with ordinality as asked(id, place)
     join donations.donations d on d.id = asked.id
     join donations.donors n on n.id = d.donor_id
     left join donations.donor_emails e on e.donor_id = n.id and e.is_primary
     left join donations.charges c on c.donation_id = d.id
     cross join (${CURRENT_ORGANIZATION}) o
     order by asked.place ${lock ? 'for update of d' : ''}`,
    [donationIds],
  );
  if (rows.length < donationIds.length) {
    const missing = donationIds.find((id) => !rows.some((row) => row.id === id));
    throw new Error(`no donation ${missing}, or no organisation on record`);
  }
  const [first] = rows;
  if (first) for (const row of rows) row.organization = first.organization;
  return rows;
}

/** Loads the facts of one gift. */
export async function loadGiftFacts(
  tx: Queryable,
  donationId: string,
  options: { lock?: boolean } = {},
): Promise<GiftFacts> {
  return (await loadManyGiftFacts(tx, [donationId], options))[0] as GiftFacts;
}
