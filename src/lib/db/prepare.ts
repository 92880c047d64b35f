import type { Mode } from '../config.ts';
import { configurationError } from '../errors.ts';
import { plural } from '../output/text.ts';
import type { Db, Queryable } from './database.ts';
import { migrate, migrationState } from './migrate.ts';

/**
 * Checks that the database has the migrations and the mode of the settings.
 * @param migrateByItself true applies pending migrations (the embedded database); false refuses.
 * @throws UserError `configuration`.
 */
export async function prepareDatabase(
  db: Db,
  { url, mode, migrateByItself }: { url: string; mode: Mode; migrateByItself: boolean },
): Promise<void> {
  if (!migrateByItself) await checkMigrated(db);
  else if ((await migrationState(db)).pending.length > 0) await migrate(url);
  await ensureMode(db, mode);
}

/**
 * Makes sure that the database is of this version; changes nothing.
 * @throws UserError `configuration`.
 */
export async function checkMigrated(db: Queryable): Promise<void> {
  const { applied, pending } = await migrationState(db);
  if (pending.length === 0) return;
  throw configurationError(
    applied.length === 0
      ? 'the database has not been set up for donations'
      : `the database lacks ${plural(pending.length, 'migration')}`,
    'Apply them: donations db migrate',
  );
}

/**
 * A database remembers whether its donations are play, test or real money. The first command sets
 * it; it never changes.
 * @throws UserError `configuration` when the settings are of another mode.
 */
export async function ensureMode(db: Queryable, mode: Mode): Promise<void> {
  const found = await readMode(db);
  if (found === mode) return;
  if (found === undefined) {
    await db.query(`insert into donations.settings values ('mode', $1) on conflict do nothing`, [
      mode,
    ]);
    if ((await readMode(db)) === mode) return;
  }
  throw otherMode(found, mode);
}

/** The settings are of another mode than the database. */
export const otherMode = (found: Mode | undefined, mode: Mode) =>
  configurationError(
    `this is a ${found} database, but the settings are for ${mode} mode`,
    `Use the keys of ${found} mode, or another database. The current settings: donations config show`,
  );

/** The mode of the database; undefined before the first command. */
export async function readMode(db: Queryable): Promise<Mode | undefined> {
  const { rows } = await db.query<{ value: Mode }>(
    `select value from donations.settings where key = 'mode'`,
  );
  return rows[0]?.value;
}
