import type { Queryable } from '../db/database.ts';
import { idMaker } from '../ids.ts';
import type { JobSpec } from '../queue/enqueue.ts';
import { type ReceiptContent, TEMPLATE_VERSION } from './content.ts';
import { describeGift, describeStatement, totalsOf } from './describe.ts';
import { enqueueDeliveries } from './enqueue.ts';
import type { GiftFacts } from './facts.ts';
import type { GiftReceiptKind } from './kinds/choose.ts';

/** A receipt to be issued for one gift, or a statement. */
export interface ReceiptOrder {
  /** On a statement the first of its gifts. */
  gift: GiftFacts;
  /** For a statement: the year, and all its gifts, which are of one donor. */
  statement?: { year: number; gifts: GiftFacts[] };
  /** Whether it is sent to the donor now. */
  mailed: boolean;
  /** Of the job that sends it: jobs of a lower number go first. */
  priority?: number;
  kind?: GiftReceiptKind;
  /** The receipt that it cancels and replaces. */
  replaces?: { id: string; number: string } | undefined;
}

export interface IssuedReceipt {
  receiptId: string;
  donationId: string;
  /** Its first delivery and the job that sends it; null when it is not mailed. */
  deliveryId: string | null;
  jobId: bigint | null;
  /** As printed: `2026-000042`. */
  number: string;
}

const ISSUE = `
  with asked as (
    select * from rows from (jsonb_to_recordset($1::jsonb) as (id text, donation text, donor text,
      organization text, version integer, series text, amount bigint, deductible bigint, currency text,
      issued_on date, locale text, template text, content jsonb, delivery text, recipient text, job integer,
      kind text, replaces text, year smallint, gifts jsonb))
      with ordinality as a(id, donation, donor, organization, version, series, amount, deductible, currency,
        issued_on, locale, template, content, delivery, recipient, job, kind, replaces, year, gifts, position)
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
  ), receipt as (
    insert into donations.receipts (id, organization_id, organization_version, kind, series, number, donor_id,
      amount_minor, deductible_minor, currency, issued_on, locale, template_version, content, content_hash, replaces, year)
    select id, organization, version, kind, series, number, donor, amount, deductible, currency,
      issued_on, locale, template, whole, encode(sha256(convert_to(whole::text, 'UTF8')), 'hex'), replaces, year
    from numbered cross join lateral (
      select $2::jsonb || content || jsonb_build_object('number', donations.receipt_label(series, number)) as whole offset 0) w
  ), covered as (
    insert into donations.receipt_donations (receipt_id, donation_id, kind)
    select id, jsonb_array_elements_text(gifts), kind from numbered
  ), delivery as (
    insert into donations.receipt_deliveries (id, receipt_id, kind, recipient, status, job_id)
    select delivery, id, 'original', recipient, 'pending', ($3::bigint[])[job] from numbered where delivery is not null
  )
  select id as "receiptId", donation as "donationId", delivery as "deliveryId", ($3::bigint[])[job] as "jobId",
    donations.receipt_label(series, number) as number
  from numbered order by position`;

/**
 * Issues receipts and statements in the transaction that makes them due: takes the next numbers
 * of the series, keeps what each receipt says, makes the first deliveries and the jobs that send them.
 * Call it last: the counter's row is locked from its last statement to the end of the transaction, which
 * is what leaves no gap and no number twice.
 *
 * A gift that has a live receipt of the kind is refused by the database, and so is a second live
 * statement of a year for a donor.
 *
 * @param others jobs that are added in the same statement as those that send the receipts.
 */
export async function issueReceipts(
  tx: Queryable,
  orders: ReceiptOrder[],
  others: JobSpec[] = [],
): Promise<IssuedReceipt[]> {
  const newDelivery = idMaker('delivery');
  const sent = orders.map(({ mailed }) => (mailed ? newDelivery() : undefined));
  const adding = enqueueDeliveries(
    tx,
    orders.flatMap(({ gift, priority }, i) => {
      const deliveryId = sent[i];
      return deliveryId ? { deliveryId, donationId: gift.id, priority, isNew: true } : [];
    }),
    others,
  );
  // The contents are made and written as JSON while the database adds the jobs.
  const [jobs, [rows, shared]] = await Promise.all([adding, writeAll(orders, sent)]);
  return (await tx.query<IssuedReceipt>(ISSUE, [rows, shared, jobs])).rows;
}

/** The contents of the receipts as parameters of ISSUE. `job` is the position of its job among the added jobs. */
async function writeAll(
  orders: ReceiptOrder[],
  sent: (string | undefined)[],
): Promise<[rows: string, shared: string]> {
  const newReceipt = idMaker('receipt');
  const contents = orders.map(({ gift, statement, kind = 'donation', replaces }) => {
    const replaced = replaces?.number ?? null;
    return statement
      ? describeStatement(statement.year, statement.gifts, replaced)
      : describeGift(kind, gift, replaced);
  });
  const { shared, own } = splitShared(contents);
  let jobs = 0;
  const rows = orders.map(({ gift, statement, kind = 'donation', replaces }, i) => {
    const { organization, donor, today } = gift;
    const content = contents[i] as ReceiptContent;
    return {
      id: newReceipt(),
      donation: gift.id,
      donor: donor.id,
      organization: organization.id,
      version: organization.version,
      // Statements have series of their own: they do not wait for the receipts of charges, nor
      // charges for them.
      series: statement ? `S${statement.year}` : (organization.receiptSeries ?? today.slice(0, 4)),
      ...amountsOf(content),
      issued_on: today,
      locale: content.locale,
      template: TEMPLATE_VERSION,
      content: own[i],
      delivery: sent[i] ?? null,
      recipient: donor.email,
      job: sent[i] ? ++jobs : null,
      kind: statement ? 'annual' : kind,
      replaces: replaces?.id ?? null,
      year: statement?.year ?? null,
      gifts: statement ? statement.gifts.map(({ id }) => id) : [gift.id],
    };
  });
  return [JSON.stringify(rows), JSON.stringify(shared)];
}

/** What all of them say, such as the organisation, and what is each one's own: half as much to send. */
function splitShared(contents: ReceiptContent[]) {
  const [first] = contents;
  const names = Object.keys(first ?? {}) as (keyof ReceiptContent)[];
  const own = names.filter((name) => {
    const value = first?.[name];
    const text = JSON.stringify(value);
    // Most values are texts or null, which compare without JSON.
    return contents.some(
      (content) => content[name] !== value && JSON.stringify(content[name]) !== text,
    );
  });
  const pick = (content: ReceiptContent | undefined, chosen: (keyof ReceiptContent)[]) =>
    Object.fromEntries(chosen.map((name) => [name, content?.[name]]));
  return {
    shared: pick(
      first,
      names.filter((name) => !own.includes(name)),
    ),
    own: contents.map((content) => pick(content, own)),
  };
}

/** The amounts of a receipt's row: none for a statement that has not exactly one total. */
function amountsOf({ statement, amountMinor, deductibleMinor, currency }: ReceiptContent) {
  const isOne = statement === null || totalsOf(statement).length === 1;
  return isOne
    ? { amount: amountMinor, deductible: deductibleMinor, currency }
    : { amount: null, deductible: null, currency: null };
}
