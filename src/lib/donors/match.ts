import type { Queryable } from '../db/database.ts';
import { newId } from '../ids.ts';

/** A donor as named by a gift. */
export interface NamedDonor {
  kind: 'person' | 'organization';
  name: string;
  givenName?: string | undefined;
  familyName?: string | undefined;
  email?: string | undefined;
  addressLines: string[];
  city?: string | undefined;
  region?: string | undefined;
  postalCode?: string | undefined;
  country?: string | undefined;
  locale?: string | undefined;
  source?: string | undefined;
  sourceId?: string | undefined;
}

/**
 * Finds the donor with this name and e-mail address, or adds one. Both must match, because a family
 * may share an e-mail address. Runs in the caller's transaction.
 */
export async function findOrAddDonor(tx: Queryable, donor: NamedDonor): Promise<string> {
  const known = await findDonor(tx, donor);
  if (known) return known;
  // Two concurrent gifts of a new donor must not add two donors: the second transaction waits here,
  // then finds the donor of the first.
  await tx.query(
    `select pg_advisory_xact_lock(hashtextextended(lower($1) || ' ' || lower($2), 3))`,
    [donor.email ?? '', donor.name],
  );
  return (await findDonor(tx, donor)) ?? addDonor(tx, donor);
}

async function findDonor(tx: Queryable, { email, name }: NamedDonor): Promise<string | undefined> {
  if (email === undefined) return undefined;
  const { rows } = await tx.query<{ id: string }>(
    `select n.id from donations.donor_emails e join donations.donors n on n.id = e.donor_id
     where lower(e.email) = lower($1) and lower(n.name) = lower($2) order by n.id limit 1`,
    [email, name],
  );
  return rows[0]?.id;
}

async function addDonor(tx: Queryable, donor: NamedDonor): Promise<string> {
  const id = newId('donor');
  await tx.query(
    `with donor as (
       insert into donations.donors (id, kind, name, given_name, family_name, address_lines, city,
         region, postal_code, country, locale)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning id
     ), email as (
       insert into donations.donor_emails (donor_id, email, is_primary)
       select id, $12, true from donor where $12::text is not null
     )
     insert into donations.donor_sources (source, source_id, donor_id)
     select $13, $14, id from donor where $14::text is not null`,
    [
      id,
      donor.kind,
      donor.name,
      donor.givenName ?? null,
      donor.familyName ?? null,
      donor.addressLines,
      donor.city ?? null,
      donor.region ?? null,
      donor.postalCode ?? null,
      donor.country ?? null,
      donor.locale ?? null,
      donor.email ?? null,
      donor.source ?? null,
      donor.sourceId ?? null,
    ],
  );
  return id;
}
