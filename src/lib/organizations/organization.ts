import type { Config } from '../config.ts';
import type { Queryable } from '../db/database.ts';
import { newId } from '../ids.ts';

/** An organisation that issues receipts, as it is in one version of its facts. */
export interface Organization {
  id: string;
  version: number;
  legalName: string;
  address: string[];
  taxId: string;
  email: string;
  /** ISO 3166, two capitals. */
  country: string;
  locale: string;
  /** IANA name; the dates of gifts and receipts are days in it. */
  timeZone: string;
  /** What receipt numbers begin with; null: the year of issue. */
  receiptSeries: string | null;
  noGoodsStatement: string;
  /** Where receipts are issued, and who signs them: on official receipts in Canada. */
  placeIssued: string | null;
  signatory: string | null;
}

type Facts = Omit<Organization, 'id' | 'version'>;

/** The organisation that the settings describe. */
export const organizationInSettings = ({ organization, receipts }: Config): Facts => ({
  legalName: organization.legalName,
  address: organization.address,
  taxId: organization.taxId,
  email: organization.email,
  country: organization.country,
  locale: organization.locale,
  timeZone: organization.timeZone,
  receiptSeries: receipts.series ?? null,
  noGoodsStatement: receipts.goodsOrServices,
  placeIssued: receipts.placeIssued ?? null,
  signatory: receipts.signatory ?? null,
});

/**
 * SQL: the facts that hold now, one row. Receipts are issued by what the database says, whatever the
 * settings of the process are that settles a gift.
 */
export const CURRENT_ORGANIZATION = `
  select organization_id as id, version, legal_name as "legalName", address, tax_id as "taxId", email,
    country, locale, time_zone as "timeZone", receipt_series as "receiptSeries",
    no_goods_statement as "noGoodsStatement", place_issued as "placeIssued", signatory
  from donations.organization_versions
  order by organization_id, version desc limit 1`;

/** The organisation as the database has it; undefined before the first command that uses it. */
export async function findOrganization(db: Queryable): Promise<Organization | undefined> {
  const { rows } = await db.query<Organization>(CURRENT_ORGANIZATION);
  return rows[0];
}

// One process makes the first version.
const LOCK = 7_302_146_002;

/** Makes the first version of the organisation's facts from the settings, if there is none. */
export async function ensureOrganization(db: Queryable, config: Config): Promise<void> {
  if (await findOrganization(db)) return;
  await db.query(
    `with lock as materialized (select pg_advisory_xact_lock($1)),
     made as (
       insert into donations.organizations (id)
       select $2 from lock where not exists (select 1 from donations.organizations) returning id
     )
     ${insertVersion('made', 3)}`,
    [LOCK, newId('organization'), ...columnsOf(organizationInSettings(config))],
  );
}

/**
 * Makes the settings' facts the ones that hold: a new version, if anything differs. Receipts that were
 * issued keep theirs.
 * @returns what differs, by name; nothing when the facts are the same.
 */
export async function updateOrganization(
  tx: Queryable,
  config: Config,
): Promise<{ organization: Organization; changed: (keyof Facts)[] }> {
  await ensureOrganization(tx, config);
  // Two updates follow each other, so that each makes a version of its own.
  await tx.query('select 1 from donations.organizations order by id limit 1 for update');
  const before = (await findOrganization(tx)) as Organization;
  const facts = organizationInSettings(config);
  const changed = differences(before, facts);
  if (changed.length > 0) {
    await tx.query(`with made as (select $1::text as id) ${insertVersion('made', 2)}`, [
      before.id,
      ...columnsOf(facts),
    ]);
  }
  return { organization: (await findOrganization(tx)) as Organization, changed };
}

/** Which facts differ between two versions. */
export const differences = (from: Facts, to: Facts): (keyof Facts)[] =>
  (Object.keys(to) as (keyof Facts)[]).filter(
    (name) => JSON.stringify(from[name]) !== JSON.stringify(to[name]),
  );

const insertVersion = (organization: string, first: number) => `
  insert into donations.organization_versions (organization_id, version, legal_name, address, tax_id,
    email, country, locale, time_zone, receipt_series, no_goods_statement, place_issued, signatory)
  select id, 1 + coalesce((select max(version) from donations.organization_versions v
    where v.organization_id = ${organization}.id), 0),
    ${Array.from({ length: 11 }, (_, i) => `$${first + i}`).join(', ')}
  from ${organization}`;

const columnsOf = (facts: Facts): unknown[] => [
  facts.legalName,
  facts.address,
  facts.taxId,
  facts.email,
  facts.country,
  facts.locale,
  facts.timeZone,
  facts.receiptSeries,
  facts.noGoodsStatement,
  facts.placeIssued,
  facts.signatory,
];
