import type { Config } from '../config.ts';
import type { Queryable } from '../db/database.ts';
import { newId } from '../ids.ts';

/** One version of the facts of an organisation that issues receipts. */
export interface Organization {
  id: string;
  version: number;
  legalName: string;
  address: string[];
  taxId: string;
  email: string;
  /** ISO 3166, two capital letters. */
  country: string;
  locale: string;
  /** IANA name. Gift and receipt dates are days in this time zone. */
  timeZone: string;
  /** Prefix of receipt numbers; null means the year of issue. */
  receiptSeries: string | null;
  noGoodsStatement: string;
  /** Where receipts are issued, and who signs them: on official receipts in Canada. */
  placeIssued: string | null;
  signatory: string | null;
}

type Facts = Omit<Organization, 'id' | 'version'>;

/** The organisation in the settings. */
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
 * SQL: the current facts, as one row. Receipts always use the facts in the database, not the
 * settings of the process that settles a gift.
 */
export const CURRENT_ORGANIZATION = `
  select organization_id as id, version, legal_name as "legalName", address, tax_id as "taxId", email,
    country, locale, time_zone as "timeZone", receipt_series as "receiptSeries",
    no_goods_statement as "noGoodsStatement", place_issued as "placeIssued", signatory
  from donations.organization_versions
  order by organization_id, version desc limit 1`;

/** The organisation in the database; undefined before the first command that stores it. */
export async function findOrganization(db: Queryable): Promise<Organization | undefined> {
  const { rows } = await db.query<Organization>(CURRENT_ORGANIZATION);
  return rows[0];
}

// Key of the advisory lock around the first version.
const LOCK = 7_302_146_002;

/** Stores the facts in the settings as the first version, if there is none. */
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
 * Stores the facts in the settings as a new version if any differs. Issued receipts keep their
 * version.
 * @returns the names of the facts that differ; empty when all are equal.
 */
export async function updateOrganization(
  tx: Queryable,
  config: Config,
): Promise<{ organization: Organization; changed: (keyof Facts)[] }> {
  await ensureOrganization(tx, config);
  // Serialises concurrent updates, so that each makes its own version.
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

/** The names of the facts that differ between two versions. */
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
