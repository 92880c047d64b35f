import type { Queryable } from '../../db/database.ts';
import { likeness } from './likeness.ts';

// Everyone who gives or is thanked in `staged`, once.
const PEOPLE = `
  create temp table people as
  select everyone.*, lower(email) as email_key, donations.match_key(name) as name_key,
    nullif(donations.match_key(array_to_string(address_lines, '')), '') as street_key,
    donations.match_key(postcode) as postcode_key, null::text as donor_id, null::uuid as same_as,
    false as is_made, null::text as problem, line as needed_on
  from (select distinct on (person) * from (
    select person, line, part, donation_id, donor_kind as kind, donor_name as name, given_name, family_name, email,
      array_remove(array[street, street_2], null) as address_lines, city, region, postcode, country,
      case when donor_source_id is not null then source end as source, donor_source_id as source_id
    from staged
    union all
    select soft_person, line, part, donation_id, 'person', soft_name, null, null, soft_email, '{}', null, null, null,
      null, null, null
    from staged where soft_person is not null
  ) named order by person, line, part, source_id nulls last, cardinality(address_lines) desc offset 0) everyone`;

/** Collects everyone who stands in the staged gifts, and finds the donors that they are. */
export async function findPeople(tx: Queryable): Promise<void> {
  await tx.query(PEOPLE);
  await tx.query('create unique index on people (person)');
  await tx.query('create index on people (needed_on)');
  await tx.query('analyze people');
  await matchPeople(tx, 'p.donor_id is null');
  await joinPeople(tx);
}

/** Updates the first line that needs each person, after gifts of theirs were dropped. */
export async function needLater(tx: Queryable, people: string[]): Promise<void> {
  await tx.query('create index if not exists staged_person on staged (person)');
  await tx.query('create index if not exists staged_soft_person on staged (soft_person)');
  await tx.query(
    `update people p set needed_on = (select min(line) from (
       select s.line from people e join staged s on s.person = e.person
       where e.person = p.person or e.same_as = p.person
       union all
       select s.line from people e join staged s on s.soft_person = e.person
       where e.person = p.person or e.same_as = p.person) needed)
     from (select coalesce(q.same_as, q.person) as person from people q where q.person = any ($1)) found
     where p.person = found.person`,
    [people],
  );
}

/**
 * Finds the donors that people are: by the source's id; else by e-mail and name; else by name and
 * address; else, for one of whom nothing but the name is known, by the name of a donor of whom nothing
 * else is known either. Only what is equal counts here.
 *
 * @param unknown SQL on `p`: the people to look for.
 */
async function matchPeople(tx: Queryable, unknown: string): Promise<void> {
  await tx.query(
    `update people p set donor_id = d.donor_id from donations.donor_sources d
     where ${unknown} and d.source = p.source and d.source_id = p.source_id`,
  );
  const take = (found: string) => `
    update people p set donor_id = case when f.count = 1 then f.donor_id end,
      problem = case when f.count > 1 then 'its donor fits ' || f.count || ' donors, among them ' || f.donor_id end
    from (select person, min(donor_id) as donor_id, count(distinct donor_id) as count from (${found}) found
      group by person) f
    where f.person = p.person`;
  await tx.query(
    take(`select p.person, n.id as donor_id from people p
      join donations.donor_emails e on lower(e.email) = p.email_key
      join donations.donors n on n.id = e.donor_id
      where ${unknown} and p.email_key is not null
        and (donations.match_key(n.name) = p.name_key or lower(p.name) = p.email_key)`),
  );
  await tx.query(
    take(`select p.person, n.id as donor_id from people p
      join donations.donors n on donations.match_key(n.name) = p.name_key
      where ${unknown} and p.problem is null
        and (p.street_key is not null or p.postcode_key is not null)
        and nullif(donations.match_key(array_to_string(n.address_lines, '')), '') is not distinct from p.street_key
        and donations.match_key(n.postal_code) is not distinct from p.postcode_key`),
  );
  await tx.query(
    take(`select p.person, n.id as donor_id from people p
      join donations.donors n on donations.match_key(n.name) = p.name_key and n.kind = p.kind
      where ${unknown} and p.problem is null
        and p.email_key is null and p.street_key is null and p.postcode_key is null and p.source_id is null
        and n.address_lines = '{}' and n.postal_code is null
        and not exists (select from donations.donor_emails e where e.donor_id = n.id)
        and not exists (select from donations.donor_sources s where s.donor_id = n.id)`),
  );
}

/** New people of one file who are one: the same name and address, once with and once without an e-mail address. */
async function joinPeople(tx: Queryable): Promise<void> {
  await tx.query(
    `with one as (
       select min(person::text)::uuid as person, name_key, street_key, postcode_key from people
       where (email_key is not null or source_id is not null) and (street_key is not null or postcode_key is not null)
       group by name_key, street_key, postcode_key having count(*) = 1
     ), joined as (
       update people p set same_as = t.person, donor_id = t.donor_id
       from one o join people t on t.person = o.person
       where p.donor_id is null and p.email_key is null and p.source_id is null and p.name_key = o.name_key
         and p.street_key is not distinct from o.street_key and p.postcode_key is not distinct from o.postcode_key
       returning p.same_as, p.needed_on
     )
     update people t set needed_on = least(t.needed_on, j.needed_on)
     from (select same_as, min(needed_on) as needed_on from joined group by same_as) j
     where t.person = j.same_as`,
  );
  await tx.query('create index on people (same_as) where same_as is not null');
}

export interface Alike {
  line: number;
  part: number;
  donorId: string;
  donorName: string;
  /** What they share. */
  by: string;
}

const MOST_PAIRS = 50_000;

/**
 * New people who may be donors that are known: the same e-mail or postal address, and a name that is
 * alike. They are proposed, never taken.
 */
export async function findAlike(tx: Queryable, threshold: number): Promise<Alike[]> {
  const { rows } = await tx.query<Alike & { name: string }>(
    `select p.line, p.part, p.name, n.id as "donorId", n.name as "donorName", 'e-mail address' as by
     from people p join donations.donor_emails e on lower(e.email) = p.email_key
     join donations.donors n on n.id = e.donor_id
     where p.donor_id is null and p.same_as is null and p.problem is null
     union
     select p.line, p.part, p.name, n.id, n.name, 'address'
     from people p join donations.donors n on n.postal_code is not null
       and donations.match_key(n.postal_code) = p.postcode_key
       and donations.match_key(array_to_string(n.address_lines, '')) = p.street_key
     where p.donor_id is null and p.same_as is null and p.problem is null
     limit ${MOST_PAIRS}`,
  );
  return rows.filter(({ name, donorName }) => likeness(name, donorName) >= threshold);
}

/**
 * Makes donors of the unknown people whose first gift is on the lines after `from` up to `to`, after
 * looking once more: another import may have made them meanwhile.
 * @returns how many were made.
 */
export async function makeDonors(
  tx: Queryable,
  batch: string,
  { from, to }: { from: number; to: number },
): Promise<number> {
  const needed = `p.needed_on > ${from} and p.needed_on <= ${to}`;
  const unknown = `p.donor_id is null and p.same_as is null and ${needed}`;
  const { rows } = await tx.query<{ some: boolean }>(
    `select exists (select from people p where ${unknown}) as some`,
  );
  if (!rows[0]?.some) return 0;
  await matchPeople(tx, unknown);
  const made = await tx.query(
    `with fresh as (
       update people p set is_made = true,
         donor_id = 'dnr_' || substr(p.donation_id, 5, 10) || left(md5(p.donation_id || p.person), 16)
       where ${unknown}
       returning p.*
     ), donor as (
       insert into donations.donors (id, kind, name, given_name, family_name, address_lines, city, region, postal_code, country)
       select donor_id, kind, name, given_name, family_name, address_lines, city, region, postcode, country from fresh
     ), email as (
       insert into donations.donor_emails (donor_id, email, is_primary)
       select donor_id, email, true from fresh where email is not null
     ), source as (
       insert into donations.donor_sources (source, source_id, donor_id)
       select source, source_id, donor_id from fresh where source_id is not null
     )
     insert into donations.import_donors (donor_id, batch_id) select donor_id, $1 from fresh`,
    [batch],
  );
  await tx.query(
    `update people q set donor_id = p.donor_id from people p
     where q.same_as = p.person and q.donor_id is null and ${needed}`,
  );
  return made.rowCount ?? 0;
}
