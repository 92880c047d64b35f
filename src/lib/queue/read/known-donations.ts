import type { Queryable } from '../../db/database.ts';
import { usageError } from '../../errors.ts';
import { Bindings, beginsWith, matches, resembles } from '../../filter/compile.ts';
import type { Filter, Term } from '../../filter/parse.ts';
import { keysOfDonation, sendKey } from '../keys.ts';

/** The donations that a term `donation:` or `donor:` selects, and their jobs. */
export interface Known {
  donations: string[];
  /** Ids of their jobs that are in the ledger. */
  jobs: string[];
  /** Keys of their jobs that may not have run yet. */
  keys: string[];
}

export type KnownDonations = (term: Term) => Known;

const NONE: Known = { donations: [], jobs: [], keys: [] };
const MOST_DONATIONS = 5000;

/**
 * Resolves `donation:` and `donor:`. Graphile Worker's table has no index on payloads, so jobs are
 * found by key and by the ledger.
 *
 * @throws UserError `usage` when a term selects too many donations.
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
      `${term.name}:${term.values.join(',')} matches more than ${MOST_DONATIONS} donations`,
      'Name fewer, or type more characters of the id.',
    );
  }
  const { rows } = await db.query<{ job: string | null; delivery: string | null }>(
    `select d.job_id::text as job, d.id as delivery from donations.receipt_donations c
       join donations.receipt_deliveries d on d.receipt_id = c.receipt_id where c.donation_id = any ($1)
     union all
     select job_id::text, null from donations.job_attempts where donation_id = any ($1)`,
    [donations],
  );
  return {
    donations,
    jobs: [...new Set(rows.flatMap(({ job }) => job ?? []))],
    keys: [
      ...donations.flatMap(keysOfDonation),
      ...rows.flatMap(({ delivery }) => (delivery ? sendKey(delivery) : [])),
    ],
  };
}

async function findDonations(db: Queryable, term: Term): Promise<string[]> {
  const bindings = new Bindings();
  const { rows } = await db.query<{ id: string }>(
    `select d.id from donations.donations d join donations.donors n on n.id = d.donor_id
     where ${isNamed(term, bindings)} limit ${MOST_DONATIONS + 1}`,
    bindings.values,
  );
  return rows.map(({ id }) => id);
}

function isNamed(term: Term, bindings: Bindings): string {
  if (term.name === 'donation') return beginsWith('d.id')(term, bindings);
  const ofEmail = (condition: string) =>
    `n.id in (select e.donor_id from donations.donor_emails e where ${condition})`;
  if (term.operator === '~')
    return `(${resembles('n.name')(term, bindings)}) or ${ofEmail(matches('e.email')(term, bindings))}`;
  const addresses = bindings.add(term.values.map((value) => String(value).toLowerCase()));
  return `${beginsWith('n.id')(term, bindings)} or ${ofEmail(`lower(e.email) = any (${addresses})`)}`;
}
