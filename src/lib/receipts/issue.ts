import type { Queryable } from '../db/database.ts';
import { newId } from '../ids.ts';
import { formatMoney } from '../money.ts';
import { type ReceiptContent, TEMPLATE_VERSION } from './content.ts';
import type { GiftFacts } from './facts.ts';

/** A receipt to be issued for one gift. */
export interface ReceiptOrder {
  gift: GiftFacts;
  /** Its first delivery and the job that sends it, which is in the queue already; none: it is not mailed. */
  delivery: { id: string; jobId: bigint } | undefined;
}

export interface IssuedReceipt {
  receiptId: string;
  donationId: string;
  /** As printed: `2026-000042`. */
  number: string;
}

const ISSUE = `
  with asked as (
    select * from rows from (json_to_recordset($1::json) as (id text, donation text, donor text,
      organization text, version integer, series text, amount bigint, deductible bigint, currency text,
      issued_on date, locale text, template text, content jsonb, delivery text, recipient text, job bigint))
      with ordinality as a(id, donation, donor, organization, version, series, amount, deductible, currency,
        issued_on, locale, template, content, delivery, recipient, job, position)
  ), counted as (
    insert into donations.receipt_counters (organization_id, series, last_number)
    select organization, series, count(*) from asked group by organization, series order by organization, series
    on conflict (organization_id, series)
      do update set last_number = receipt_counters.last_number + excluded.last_number
    returning organization_id, series, last_number
  ), numbered as (
    select a.*, c.last_number - count(*) over (partition by a.organization, a.series)
      + row_number() over (partition by a.organization, a.series order by a.position) as number
    from asked a join counted c on c.organization_id = a.organization and c.series = a.series
  ), written as (
    select n.*, jsonb_set(n.content, '{number}', to_jsonb(donations.receipt_label(series, number))) as whole
    from numbered n
  ), receipt as (
    insert into donations.receipts (id, organization_id, organization_version, kind, series, number, donor_id,
      amount_minor, deductible_minor, currency, issued_on, locale, template_version, content, content_hash)
    select id, organization, version, 'donation', series, number, donor, amount, deductible, currency,
      issued_on, locale, template, whole, encode(sha256(convert_to(whole::text, 'UTF8')), 'hex')
    from written
  ), covered as (
    insert into donations.receipt_donations (receipt_id, donation_id, kind)
    select id, donation, 'donation' from written
  ), delivery as (
    insert into donations.receipt_deliveries (id, receipt_id, kind, recipient, status, job_id)
    select delivery, id, 'original', recipient, 'pending', job from written where delivery is not null
  )
  select id as "receiptId", donation as "donationId", whole->>'number' as number from written order by position`;

/**
 * Issues receipts, each for one gift, in the transaction that makes them due: takes the next numbers
 * of the series, keeps what each receipt says, and makes the first deliveries. Call it last: the
 * counter's row is locked from this statement to the end of the transaction, which is what leaves no
 * gap and no number twice.
 *
 * Nothing is enqueued. A gift that has a live receipt is refused by the database.
 */
export async function issueReceipts(
  tx: Queryable,
  orders: ReceiptOrder[],
): Promise<IssuedReceipt[]> {
  const rows = orders.map(({ gift, delivery }) => {
    const { organization, donor, today } = gift;
    const content = describeGift(gift);
    return {
      id: newId('receipt'),
      donation: gift.id,
      donor: donor.id,
      organization: organization.id,
      version: organization.version,
      series: organization.receiptSeries ?? today.slice(0, 4),
      amount: content.amountMinor,
      deductible: content.deductibleMinor,
      currency: gift.currency,
      issued_on: today,
      locale: content.locale,
      template: TEMPLATE_VERSION,
      content,
      delivery: delivery?.id ?? null,
      recipient: donor.email,
      job: delivery?.jobId.toString() ?? null,
    };
  });
  return (await tx.query<IssuedReceipt>(ISSUE, [JSON.stringify(rows)])).rows;
}

/** What the receipt says. Its number is filled in when it is taken. */
function describeGift(gift: GiftFacts): ReceiptContent {
  const { organization, donor } = gift;
  const { legalName, address, taxId, email, country } = organization;
  const locale = donor.locale ?? organization.locale;
  return {
    number: '',
    mode: gift.mode,
    organization: { legalName, address, taxId, email, country },
    donor: { id: donor.id, name: donor.name, email: donor.email ?? '', address: donor.address },
    donationId: gift.id,
    amountMinor: BigInt(gift.amountMinor).toString(),
    currency: gift.currency,
    deductibleMinor: (BigInt(gift.amountMinor) - BigInt(gift.goodsValueMinor)).toString(),
    receivedOn: gift.giftOn,
    issuedOn: gift.today,
    fund: gift.fund,
    campaign: gift.campaign,
    card: gift.card,
    goodsOrServices: goodsStatement(gift, locale),
    locale,
  };
}

/**
 * What was given in return, with a good-faith estimate of its value, or that nothing was: IRS
 * Publication 1771, "Written acknowledgment".
 */
function goodsStatement(
  { goodsDescription, goodsValueMinor, currency, organization }: GiftFacts,
  locale: string,
): string {
  if (goodsDescription === null) return organization.noGoodsStatement;
  const value = formatMoney({ minor: BigInt(goodsValueMinor), currency }, locale);
  return `In exchange for this contribution: ${goodsDescription}, with an estimated fair value of ${value}.`;
}
