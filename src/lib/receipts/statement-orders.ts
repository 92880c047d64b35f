import type { Queryable } from '../db/database.ts';
import { type GiftFacts, loadManyGiftFacts } from './facts.ts';
import type { ReceiptOrder } from './issue.ts';

/** SQL: the donation `d` was given in the year `$1`. */
const ofYear = `d.gift_on >= make_date($1, 1, 1) and d.gift_on < make_date($1 + 1, 1, 1)`;

/**
 * SQL: whether a statement of year `$1` lists a donation `d`: it is paid, not given back as a whole, from
 * the donor's own money, and has no official receipt. Who holds the money of a donor-advised fund or an
 * employer's match has acknowledged it. Canada allows one official receipt for a gift, and a statement beside it
 * would look like another (Canada Revenue Agency, "Official donation receipts").
 */
export const LISTED = `d.status in ('succeeded', 'partly_refunded', 'disputed')
  and ${ofYear} and d.method not in ('daf', 'matching')
  and d.amount_minor > (select coalesce(sum(f.amount_minor), 0) from donations.refunds f where f.donation_id = d.id)
  and not exists (
    select 1 from donations.receipt_donations c join donations.receipts o on o.id = c.receipt_id
    where c.donation_id = d.id and c.kind = 'donation' and c.live and o.content->>'form' = 'canada')`;

/** A statement to be issued. */
export type StatementOrder = Required<Pick<ReceiptOrder, 'gift' | 'statement'>>;

/**
 * The statements of donors for a year from the facts as they are now, in the order of the donors. A donor without a gift to list has none.
 * @param lock keeps the gifts' rows for this transaction.
 */
export async function statementOrders(
  tx: Queryable,
  year: number,
  donors: string[],
  { lock = true } = {},
): Promise<StatementOrder[]> {
  // First the locks, and then what they protect: refunds are recorded under them.
  if (lock)
    await tx.query(
      `select 1 from donations.donations d
       where d.donor_id = any ($2) and ${ofYear} order by d.id for update`,
      [year, donors],
    );
  const { rows } = await tx.query<{ id: string }>(
    `select d.id from donations.donations d
     where d.donor_id = any ($2) and ${LISTED}
     order by array_position($2, d.donor_id), d.gift_on, d.id`,
    [year, donors],
  );
  const gifts = await loadManyGiftFacts(
    tx,
    rows.map(({ id }) => id),
  );
  const ofDonor = new Map<string, GiftFacts[]>();
  for (const gift of gifts) {
    const others = ofDonor.get(gift.donor.id);
    if (others) others.push(gift);
    else ofDonor.set(gift.donor.id, [gift]);
  }
  return [...ofDonor.values()].map((all) => ({
    gift: all[0] as GiftFacts,
    statement: { year, gifts: all },
  }));
}

/** The number of a donor's live statement of a year. */
export async function findStatement(
  tx: Queryable,
  year: number,
  donor: string,
): Promise<string | undefined> {
  const { rows } = await tx.query<{ label: string }>(
    `select label from donations.receipts
     where kind = 'annual' and status = 'issued' and year = $1 and donor_id = $2`,
    [year, donor],
  );
  return rows[0]?.label;
}
