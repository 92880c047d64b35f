import type { Queryable } from '../../db/database.ts';
import { IN_THE_END, makeDonors } from '../match/donors.ts';
import { type ReceiptRules, receiptChunk } from './receipts.ts';

export interface ChunkDone {
  /** Rows, not gifts: a row may tell of two. */
  rows: number;
  gifts: number;
  donors: number;
  receipts: number;
  /** Minor units by currency, as text. */
  totals: Record<string, string>;
  /** Lines whose gifts another import made meanwhile. */
  duplicates: number[];
}

// Everyone whom the gifts of the chunk need.
const ITS_PEOPLE = `p.person in (
  select ${IN_THE_END} from people p join
    (select person from chunk union select soft_person from chunk where soft_person is not null) c
    on c.person = p.person)`;

/**
 * Imports the staged gifts of the lines after `from` up to `to`, in the caller's transaction: donors,
 * gifts, and what belongs to them. What is in the database by now is left out, and told.
 */
export async function importChunk(
  tx: Queryable,
  {
    batch,
    from,
    to,
    receipts,
  }: { batch: string; from: number; to: number; receipts: ReceiptRules | undefined },
): Promise<ChunkDone> {
  // Imports wait for each other here: a gift or a donor who is new to two of them is made once.
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('donations import', 0))`);
  await tx.query('create temp table chunk on commit drop as select * from staged limit 0');
  await tx.query(
    `insert into chunk (${COLUMNS}, person, soft_person)
     select ${COLUMNS}, person, soft_person from staged s
     where s.line > $1 and s.line <= $2
       and not exists (select from donations.import_rows r
         where r.fingerprint = s.fingerprint and r.occurrence = s.occurrence)
       and (s.source_id is null or not exists (select from donations.donations d
         where d.source = s.source and d.source_id = s.source_id))`,
    [from, to],
  );
  await tx.query('analyze chunk');
  const donors = await makeDonors(tx, batch, ITS_PEOPLE);
  await addEmails(tx, batch);
  await tx.query(GIFTS, [batch]);
  const { rows: sums } = await tx.query<{
    rows: number;
    gifts: number;
    totals: Record<string, string> | null;
    duplicates: number[];
  }>(
    `select (select count(distinct line) from chunk)::int as rows, (select count(*) from chunk)::int as gifts,
       (select json_object_agg(currency, total::text) from
         (select currency, sum(amount_minor) as total from chunk group by currency) t) as totals,
       array(select distinct line from staged where line > $1 and line <= $2
         except select line from chunk order by line) as duplicates`,
    [from, to],
  );
  const [sum] = sums;
  // Last: the counter of receipt numbers is locked from here on.
  const issued = receipts ? await receiptChunk(tx, receipts) : 0;
  return {
    rows: sum?.rows ?? 0,
    gifts: sum?.gifts ?? 0,
    donors,
    receipts: issued,
    totals: sum?.totals ?? {},
    duplicates: sum?.duplicates ?? [],
  };
}

const COLUMNS = [
  'line, part, donation_id, fingerprint, occurrence, amount_minor, currency, method, gift_on, postmarked_on',
  'received_on, deposited_on, check_number, fund_1, fund_1_minor, fund_2, fund_2_minor, fund_3, fund_3_minor',
  'campaign, appeal, donor_kind, donor_name, given_name, family_name, email, street, street_2, city, region',
  'postcode, country, donor_source_id, anonymous, soft_name, soft_email, tribute_kind, tribute_name, goods_minor',
  'goods_description, in_kind_description, note, source, source_id',
].join(', ');

/** A donor who is known by an address or an id, and gives with a new e-mail address, has that one too. */
async function addEmails(tx: Queryable, batch: string): Promise<void> {
  await tx.query(
    `with added as (insert into donations.donor_emails (donor_id, email, is_primary)
     select distinct on (p.donor_id, p.email_key) p.donor_id, p.email,
       not exists (select from donations.donor_emails e where e.donor_id = p.donor_id)
     from people p
     where p.email is not null and p.donor_id is not null and not p.is_made and (${ITS_PEOPLE})
       and not exists (select from donations.donor_emails e
         where e.donor_id = p.donor_id and lower(e.email) = p.email_key)
     returning donor_id, email)
     insert into donations.import_emails (donor_id, email, batch_id) select donor_id, email, $1 from added`,
    [batch],
  );
}

const GIFTS = `
  with gift as materialized (
    select c.*, d.donor_id, t.donor_id as soft_donor_id from chunk c
    join people p on p.person = c.person
    join people d on d.person = ${IN_THE_END}
    left join people s on s.person = c.soft_person
    left join people t on t.person = coalesce(s.same_as, s.person)
  ), donation as (
    insert into donations.donations (id, donor_id, amount_minor, currency, method, status, gift_on, postmarked_on,
      received_on, deposited_on, campaign, appeal, check_number, source, source_id, batch_id, anonymous,
      tribute_kind, tribute_name, goods_description, goods_value_minor, in_kind_description, note, settled_at)
    select donation_id, donor_id, amount_minor, currency, method, 'succeeded', gift_on, postmarked_on,
      received_on, deposited_on, campaign, appeal, check_number, source, source_id, $1, anonymous,
      tribute_kind, tribute_name, goods_description, goods_minor, in_kind_description, note, now()
    from gift order by line, part
  ), share as (
    insert into donations.allocations (donation_id, fund, amount_minor)
    select donation_id, fund, minor from gift
    cross join lateral (values (fund_1, fund_1_minor), (fund_2, fund_2_minor), (fund_3, fund_3_minor)) f(fund, minor)
    where fund is not null
  ), thanked as (
    insert into donations.soft_credits (donation_id, donor_id, amount_minor)
    select donation_id, soft_donor_id, amount_minor from gift
    where soft_donor_id is not null and soft_donor_id <> donor_id
  )
  insert into donations.import_rows (fingerprint, occurrence, batch_id, line, part, donation_id)
  select fingerprint, occurrence, $1, line, part, donation_id from gift order by line, part`;
