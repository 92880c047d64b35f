import type { Queryable } from '../../../lib/db/database.ts';
import { usageError } from '../../../lib/errors.ts';
import type { StatementScope } from '../../../lib/receipts/statements.ts';

/** The options that say which statements. */
export interface ScopeOptions {
  year: string;
  donor?: string;
}

/**
 * Reads a year as a person types it.
 * @throws UserError `usage`.
 */
export function readYear(text: string): number {
  if (/^(19|20|21)\d\d$/.test(text)) return Number(text);
  throw usageError(`"${text}" is not a year`, 'Write it like 2026.');
}

/**
 * The statements that the options name.
 * @throws UserError `usage` or `not_found`.
 */
export async function scopeOf(
  db: Queryable,
  { year, donor }: ScopeOptions,
  command: string,
): Promise<StatementScope> {
  const which = readYear(year);
  if (donor === undefined) return { year: which, donor: undefined };
  const { findDonor } = await import('../../../lib/donors/find-donor.ts');
  return { year: which, donor: await findDonor(db, donor, `${command} --year ${year} --donor`) };
}
