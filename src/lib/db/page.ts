import { usageError } from '../errors.ts';
import type { Queryable } from './database.ts';

/** A count that was not carried on beyond a bound. */
export interface BoundedCount {
  count: number;
  more: boolean;
}

/** Counting stops here: to count twelve million rows to the last would take minutes. */
export const COUNT_BOUND = 10_000;

/** Where a page of a list begins and how long it is. */
export interface Paging {
  limit: number;
  /** What the page before ended with. */
  after?: string | undefined;
}

/**
 * Counts rows up to a bound.
 * @param selects statements whose rows are counted together.
 */
export async function countRows(
  db: Queryable,
  selects: string[],
  values: unknown[],
  bound = COUNT_BOUND,
): Promise<BoundedCount> {
  const parts = selects.map((select) => `(${select} limit ${bound + 1})`);
  const { rows } = await db.query<{ count: number }>(
    `select count(*)::int from (select 1 from (${parts.join(' union all ')}) found limit ${bound + 1}) bounded`,
    values,
  );
  const count = rows[0]?.count ?? 0;
  return { count: Math.min(count, bound), more: count > bound };
}

/** The place after a row in a list of this order. */
export const toCursor = (order: string, values: string[]): string =>
  Buffer.from(JSON.stringify([order, ...values])).toString('base64url');

/**
 * The values of the row after which a page begins.
 * @throws UserError `usage` when the cursor is of a list in another order.
 */
export function fromCursor(cursor: string, order: string): string[] {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    parts = undefined;
  }
  if (!Array.isArray(parts) || parts[0] !== order) {
    throw usageError(
      '--after does not continue this list',
      'Use what the page before printed, with the same filter and --sort.',
    );
  }
  return parts.slice(1).map(String);
}
