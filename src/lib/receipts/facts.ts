import type { Queryable } from '../db/database.ts';
import type { DonationStatus, Method } from '../donations/donation.ts';
import { FUNDS } from '../donations/donation.ts';
import { CURRENT_ORGANIZATION, type Organization } from '../organizations/organization.ts';
import type { ReceiptContent } from './content.ts';

/** What a receipt for a gift is made of: the gift, its donor, the organisation as it is now. */
export interface GiftFacts {
  id: string;
  status: DonationStatus;
  method: Method;
  amountMinor: bigint;
  goodsValueMinor: bigint;
  goodsDescription: string | null;
  currency: string;
  /** Days in the organisation's time zone. */
  giftOn: string;
  receivedOn: string;
  today: string;
  fund: string | null;
  campaign: string | null;
  card: { brand: string; last4: string } | null;
  donor: {
    id: string;
    name: string;
    email: string | null;
    address: string[];
    locale: string | null;
    mayBeMailed: boolean;
  };
  organization: Organization;
  mode: ReceiptContent['mode'];
}

/**
 * Loads the facts of one gift.
 * @param lock keeps the donation's row for this transaction, so that two settlements cannot cross.
 */
export async function loadGiftFacts(
  tx: Queryable,
  donationId: string,
  { lock = false } = {},
): Promise<GiftFacts> {
  const { rows } = await tx.query<GiftFacts>(
    `select d.id, d.status, d.method, d.amount_minor as "amountMinor", d.goods_value_minor as "goodsValueMinor",
       d.goods_description as "goodsDescription", d.currency, d.gift_on as "giftOn", d.received_on as "receivedOn",
       (now() at time zone o."timeZone")::date as today, ${FUNDS} as fund, d.campaign,
       case when c.card_brand is not null and c.card_last4 is not null
         then json_build_object('brand', c.card_brand, 'last4', c.card_last4) end as card,
       json_build_object('id', n.id, 'name', n.name, 'email', e.email,
         'address', to_json(n.address_lines || array_remove(array[
           nullif(concat_ws(' ', concat_ws(', ', n.city, n.region), n.postal_code), ''), n.country], null)),
         'locale', n.locale, 'mayBeMailed', n.may_be_mailed) as donor,
       to_json(o) as organization,
       (select value from donations.settings where key = 'mode') as mode
     from donations.donations d
     join donations.donors n on n.id = d.donor_id
     left join donations.donor_emails e on e.donor_id = n.id and e.is_primary
     left join donations.charges c on c.donation_id = d.id
     cross join (${CURRENT_ORGANIZATION}) o
     where d.id = $1 ${lock ? 'for update of d' : ''}`,
    [donationId],
  );
  if (!rows[0]) throw new Error(`no donation ${donationId}, or no organisation on record`);
  return rows[0];
}
