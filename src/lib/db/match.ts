import { notFound, usageError } from '../errors.ts';
import { givenId } from '../ids.ts';
import type { Queryable } from './database.ts';

/** Escapes the wildcards of LIKE. */
const literal = (text: string) => text.replace(/[%_\\]/g, '\\$&');

/** The LIKE pattern of texts that begin with this one. */
const likePrefix = (text: string) => `${literal(text)}%`;

/** The LIKE pattern of ids that begin with this, or that tables show as this (`don…740v85`). */
export function likeId(given: string): string {
  const [begin = '', end] = givenId(given).split('…');
  return end === undefined ? likePrefix(begin) : `${literal(begin)}%${literal(end)}`;
}

/** The LIKE pattern of texts that contain `text`. */
export const likeContains = (text: string) => `%${literal(text)}%`;

/**
 * The one id of a column that begins with what a person typed, or is shown as it.
 *
 * @param from table and column: `donations.audit_log`, `id`.
 * @param what singular and plural for messages: `audit entry`, `audit entries`.
 * @throws UserError `not_found`, or `usage` when several ids match.
 */
export async function findByPrefix(
  db: Queryable,
  { table, column }: { table: string; column: string },
  ref: string,
  { prefix, one, many, hint }: { prefix: string; one: string; many: string; hint: string },
): Promise<string> {
  const { rows } = await db.query<{ id: string }>(
    `select distinct ${column} as id from ${table}
     where starts_with($1, $2) and ${column} like $3 limit 2`,
    [givenId(ref), prefix, likeId(ref)],
  );
  const [found, other] = rows;
  if (!found) throw notFound(`no ${one} "${ref}"`, hint);
  if (other)
    throw usageError(`"${ref}" matches several ${many}`, 'Type more characters of the id.');
  return found.id;
}
