import type { Queryable } from '../db/database.ts';
import { likeId } from '../db/match.ts';
import { notFound, UserError } from '../errors.ts';
import { Bindings } from '../filter/compile.ts';
import { givenId } from '../ids.ts';
import { isDonor } from './vocabulary.ts';

/** A donor among several that fit. */
export interface DonorChoice {
  id: string;
  name: string;
  email: string | null;
}

/** More than a person chooses among. */
const MOST_CHOICES = 10;

/**
 * The donors that a person means: by an id or its beginning, by an e-mail address, by a part of the
 * name, or by the id of one of their donations. At most so many.
 */
export async function findDonors(
  db: Queryable,
  ref: string,
  limit: number,
): Promise<DonorChoice[]> {
  const bindings = new Bindings();
  const text = givenId(ref);
  const condition = text.startsWith('don_')
    ? `n.id in (select d.donor_id from donations.donations d where d.id like ${bindings.add(likeId(text))})`
    : isDonor('n.id')(
        { name: 'donor', path: [], not: false, operator: '=', values: [text] },
        bindings,
      );
  const { rows } = await db.query<DonorChoice>(
    `select n.id, n.name, e.email from donations.donors n
     left join donations.donor_emails e on e.donor_id = n.id and e.is_primary
     where ${condition} order by n.name, n.id limit ${limit}`,
    bindings.values,
  );
  return rows;
}

/**
 * The one donor that a person means.
 * @param command what to say before an id to choose one: `donations donors show`.
 * @throws UserError `not_found`, or `usage` with the choices when several fit.
 */
export async function findDonor(db: Queryable, ref: string, command: string): Promise<string> {
  const [found, ...others] = await findDonors(db, ref, MOST_CHOICES + 1);
  if (!found) {
    throw notFound(
      `no donor "${ref}"`,
      'Give a part of the name, an e-mail address, or an id (dnr_…).',
    );
  }
  if (others.length > 0) throw severalDonors(ref, [found, ...others], command);
  return found.id;
}

/** Several donors fit what a person gave: these. */
export function severalDonors(ref: string, donors: DonorChoice[], command: string): UserError {
  const lines = donors
    .slice(0, MOST_CHOICES)
    .map(({ id, name, email }) => `${name}${email ? ` <${email}>` : ''}: ${command} ${id}`);
  if (donors.length > MOST_CHOICES) lines.push('There are more: give more of the name.');
  return new UserError('usage', `"${ref}" fits several donors`, lines.join('\n'));
}
