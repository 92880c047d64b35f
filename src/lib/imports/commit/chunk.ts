import type { Queryable } from '../../db/database.ts';
import { makeDonors, needLater } from '../match/donors.ts';
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

const IN_CHUNK = 's.line > $1 and s.line <= $2';

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
  const duplicates = await dropDuplicates(tx, from, to);
  const donors = await makeDonors(tx, batch, { from, to });
  await addEmails(tx, batch, from, to);
  await tx.query(GIFTS, [from, to, batch]);
  const { rows: sums } = await tx.query<
    Pick<ChunkDone, 'rows' | 'gifts'> & { totals: ChunkDone['totals'] | null }
  >(
    `select count(distinct line)::int as rows, count(*)::int as gifts,
       (select json_object_agg(currency, total::text) from
         (select currency, sum(amount_minor) as total from staged s where ${IN_CHUNK} group by currency) t) as totals
     from staged s where ${IN_CHUNK}`,
    [from, to],
  );
  const [sum] = sums;
  // Last: the counter of receipt numbers is locked from here on.
  const issued = receipts ? await receiptChunk(tx, { from, to, ...receipts }) : 0;
  return {
    rows: sum?.rows ?? 0,
    gifts: sum?.gifts ?? 0,
    donors,
    receipts: issued,
    totals: sum?.totals ?? {},
    duplicates,
  };
}

/**
 * Removes the gifts that another import made meanwhile from the chunk.
 * @returns the lines that have no gift left.
 */
async function dropDuplicates(tx: Queryable, from: number, to: number): Promise<number[]> {
  const { rows } = await tx.query<{ line: number; people: string[] }>(
    `with same as (
       delete from staged s using donations.import_rows r
       where ${IN_CHUNK} and r.fingerprint = s.fingerprint and r.occurrence = s.occurrence
       returning s.line, s.person, s.soft_person
     ), known as (
       delete from staged s using donations.donations d
       where ${IN_CHUNK} and d.source = s.source and d.source_id = s.source_id
         and not exists (select from donations.import_rows r
           where r.fingerprint = s.fingerprint and r.occurrence = s.occurrence)
       returning s.line, s.person, s.soft_person
     )
     select line, array_remove(array[person, soft_person], null) as people from same
     union all select line, array_remove(array[person, soft_person], null) from known`,
    [from, to],
  );
  if (rows.length === 0) return [];
  await needLater(
    tx,
    rows.flatMap(({ people }) => people),
  );
  const left = await tx.query<{ line: number }>(
    `select distinct line from staged s where ${IN_CHUNK}`,
    [from, to],
  );
  const kept = new Set(left.rows.map(({ line }) => line));
  return [...new Set(rows.map(({ line }) => line))].filter((line) => !kept.has(line));
}

/** A donor who is known by an address or an id, and gives with a new e-mail address, has that one too. */
async function addEmails(tx: Queryable, batch: string, from: number, to: number): Promise<void> {
  await tx.query(
    `with added as (insert into donations.donor_emails (donor_id, email, is_primary)
     select distinct on (p.donor_id, p.email_key) p.donor_id, p.email,
       not exists (select from donations.donor_emails e where e.donor_id = p.donor_id)
     from people p
     where p.needed_on > $1 and p.needed_on <= $2 and p.email is not null and not p.is_made
       and not exists (select from donations.donor_emails e
         where e.donor_id = p.donor_id and lower(e.email) = p.email_key)
     returning donor_id, email)
     insert into donations.import_emails (donor_id, email, batch_id) select donor_id, email, $3 from added`,
    [from, to, batch],
  );
}

const GIFTS = `
  with gift as materialized (
    select s.*, p.donor_id, t.donor_id as soft_donor_id from staged s
    join people p on p.person = s.person
    left join people t on t.person = s.soft_person
    where ${IN_CHUNK}
  ), donation as (
    insert into donations.donations (id, donor_id, amount_minor, currency, method, status, gift_on, postmarked_on,
      received_on, deposited_on, campaign, appeal, check_number, source, source_id, batch_id, anonymous,
      tribute_kind, tribute_name, goods_description, goods_value_minor, in_kind_description, note, settled_at)
    select donation_id, donor_id, amount_minor, currency, method, 'succeeded', gift_on, postmarked_on,
      received_on, deposited_on, campaign, appeal, check_number, source, source_id, $3, anonymous,
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
  select fingerprint, occurrence, $3, line, part, donation_id from gift order by line, part`;
