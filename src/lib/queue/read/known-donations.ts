import type { Queryable } from '../../db/database.ts';
import { usageError } from '../../errors.ts';
import type { Filter, Term } from '../../filter/parse.ts';

/** The donations that a term `donation:` or `donor:` names, and their jobs. */
export interface Known {
  donations: string[];
  /** Ids of their jobs, as far as they are recorded. */
  jobs: string[];
  /** Keys of their jobs that may never have run. */
  keys: string[];
}

export type KnownDonations = (term: Term) => Known;

const NONE: Known = { donations: [], jobs: [], keys: [] };
const MOST_DONATIONS = 5000;

/**
 * Looks up what `donation:` and `donor:` name. Graphile Worker's table has no index on payloads; jobs
 * are found by their keys and by the ledger instead.
 *
 * @throws UserError `usage` when a term names too many.
 */
export async function findKnownDonations(db: Queryable, filter: Filter): Promise<KnownDonations> {
  const known = new Map<Term, Known>();
  for (const term of filter.terms) {
    if (term.name === 'donation' || term.name === 'donor') known.set(term, await look(db, term));
  }
  return (term) => known.get(term) ?? NONE;
}

async function look(db: Queryable, term: Term): Promise<Known> {
  const donations = await findDonations(db, term);
  if (donations.length > MOST_DONATIONS) {
    throw usageError(
      `${term.name}:${term.values.join(',')} is of more than ${MOST_DONATIONS} donations`,
      'Name fewer, or give more of the id.',
    );
  }
  const { rows } = await db.query<{ job: string | null; key: string }>(
    `select d.job_id::text as job, 'send:' || d.id as key from donations.receipt_donations c
       join donations.receipt_deliveries d on d.receipt_id = c.receipt_id where c.donation_id = any ($1)
     union all
     select job_id::text, '' from donations.job_attempts where donation_id = any ($1)`,
    [donations],
  );
  return {
    donations,
    jobs: [...new Set(rows.flatMap(({ job }) => job ?? []))],
    keys: [
      ...donations.flatMap((id) => [id, `charge:${id}`, `tokenize:${id}`]),
      ...rows.flatMap(({ key }) => key || []),
    ],
  };
}

async function findDonations(db: Queryable, { name, operator, values }: Term): Promise<string[]> {
  const typed = values.map(String);
  const escaped = typed.map((text) => text.replace(/[%_\\]/g, '\\$&'));
  const patterns = escaped.map((text) => (operator === '~' ? `%${text}%` : `${text}%`));
  const where =
    name === 'donation'
      ? `d.id like any ($1) and cardinality($2::text[]) > 0`
      : operator === '~'
        ? `(n.name ilike any ($1) or ${ofEmail('e.email ilike any ($1)')}) and cardinality($2::text[]) > 0`
        : `n.id like any ($1) or ${ofEmail('lower(e.email) = any ($2)')}`;
  const { rows } = await db.query<{ id: string }>(
    `select d.id from donations.donations d join donations.donors n on n.id = d.donor_id
     where ${where} limit ${MOST_DONATIONS + 1}`,
    [patterns, typed.map((text) => text.toLowerCase())],
  );
  return rows.map(({ id }) => id);
}

const ofEmail = (condition: string) =>
  `n.id in (select e.donor_id from donations.donor_emails e where ${condition})`;
