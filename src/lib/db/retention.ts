import type { Queryable } from './database.ts';

/** The most rows that one statement deletes, so that it is short. The next run deletes the rest. */
const BATCH = 10_000;

/**
 * Deletes rows that are older than `days` days. The owner of the table passes its names, so they are not user input.
 *
 * @param from the table, its key, and the column that says how old a row is.
 */
export async function deleteOlder(
  db: Queryable,
  { table, key, at }: { table: string; key: string; at: string },
  days: number,
): Promise<void> {
  await db.query(
    `delete from ${table} where ${key} in (
       select ${key} from ${table} where ${at} < now() - make_interval(days => $1) limit ${BATCH})`,
    [days],
  );
}
