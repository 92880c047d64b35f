import { configurationError } from '../errors.ts';
import { openDb } from './database.ts';
import { readMode } from './prepare.ts';

/**
 * Drops our schema and Graphile Worker's.
 * @throws UserError `configuration` when the database is of test or live mode.
 */
export async function dropEverything(url: string): Promise<void> {
  const db = openDb({
    url,
    applicationName: 'donations db reset',
    poolSize: 1,
    statementTimeoutMs: 0,
  });
  try {
    const { rows } = await db.query<{ exists: boolean }>(
      `select to_regclass('donations.settings') is not null as exists`,
    );
    const mode = rows[0]?.exists ? await readMode(db) : undefined;
    if (mode && mode !== 'sandbox') {
      throw configurationError(
        `this is a ${mode} database; donations db reset deletes sandbox databases only`,
      );
    }
    await db.query('drop schema if exists donations cascade');
    await db.query('drop schema if exists graphile_worker cascade');
  } finally {
    await db.close();
  }
}
