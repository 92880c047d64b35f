import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { configurationError } from '../errors.ts';
import { currencies } from '../money.ts';
import { Client, connectionSettings } from './client.ts';
import { openDb, type Queryable, type Session } from './database.ts';
import { QUEUE_INDEXES } from './queue-indexes.ts';

interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

export interface MigrationState {
  applied: string[];
  pending: string[];
}

// The folder is next to this module in src, and next to the bundled chunk in dist.
const FOLDER = new URL('./migrations/', import.meta.url);
// Key of the advisory lock that serialises migrations of one database.
const LOCK = 7_302_146_001;
const TURN_MS = 100;
/** The oldest PostgreSQL that has what our migrations use: `normalize`. */
const OLDEST_POSTGRES = 13;
// The newest migration of the graphile-worker version that we depend on.
const WORKER_MIGRATIONS = 19;

function readMigrations(): Migration[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => {
      const sql = readFileSync(new URL(name, FOLDER), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    });
}

/**
 * Lists the migrations that the database has, and those that it lacks.
 * @throws UserError `configuration` when the database has a migration that this version does not
 *   have, or one whose content differs.
 */
export async function migrationState(db: Queryable): Promise<MigrationState> {
  const known = readMigrations();
  const { rows } = await db.query<{ exists: boolean; worker: boolean }>(
    `select to_regclass('donations.schema_migrations') is not null as exists,
       to_regclass('graphile_worker.migrations') is not null as worker`,
  );
  if (!rows[0]?.exists)
    return {
      applied: [],
      pending: [...known.map(({ name }) => name), 'graphile-worker', 'indexes'],
    };
  const recorded = await db.query<{ name: string; checksum: string }>(
    'select name, checksum from donations.schema_migrations order by name',
  );
  for (const { name, checksum } of recorded.rows) {
    const migration = known.find((candidate) => candidate.name === name);
    if (!migration) {
      throw configurationError(
        `the database has the migration ${name}, which does not exist in this version of donations`,
        'Use the version of donations that migrated the database, or a newer one.',
      );
    }
    if (migration.checksum !== checksum) {
      throw configurationError(
        `the migration ${name} is not the one that the database was made with`,
        'Install donations anew; on a sandbox database you may also start over: donations db reset',
      );
    }
  }
  const applied = recorded.rows.map(({ name }) => name);
  const pending = known.map(({ name }) => name).filter((name) => !applied.includes(name));
  const worker = rows[0].worker
    ? await db.query<{ id: number }>('select max(id)::int as id from graphile_worker.migrations')
    : undefined;
  if ((worker?.rows[0]?.id ?? 0) < WORKER_MIGRATIONS) pending.push('graphile-worker');
  if ((await missingIndexes(db)).length > 0) pending.push('indexes');
  return { applied, pending };
}

/** The indexes that do not exist, or are invalid because their build was interrupted. */
async function missingIndexes(db: Queryable): Promise<typeof QUEUE_INDEXES> {
  const { rows } = await db.query<{ name: string }>(
    `select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid
     where c.relnamespace = to_regnamespace('graphile_worker') and i.indisvalid`,
  );
  return QUEUE_INDEXES.filter((index) => !rows.some(({ name }) => name === index.name));
}

/**
 * Brings the database to this version: our migrations in one transaction, Graphile Worker's, and
 * our indexes on its table, which are built concurrently so that workers can go on. Callers at the
 * same time take turns, and only the first one migrates.
 * @returns the names of the applied migrations.
 */
export async function migrate(url: string): Promise<string[]> {
  const db = openDb({
    url,
    applicationName: 'donations db migrate',
    poolSize: 1,
    // Building an index on a large table can take long.
    statementTimeoutMs: 0,
  });
  try {
    const session = await db.session('donations db migrate');
    try {
      await takeTurn(session);
      await supportedVersion(session);
      const { pending } = await migrationState(session);
      await db.transaction((tx) => applyOurs(tx, pending));
      if (pending.includes('graphile-worker')) await migrateWorker(url);
      for (const index of await missingIndexes(session)) await buildIndex(session, index);
      return pending;
    } finally {
      // Ending the connection releases the lock.
      await session.end();
    }
  } finally {
    await db.close();
  }
}

/**
 * @returns the version of the server, for people.
 * @throws UserError `configuration` when it is too old for our migrations.
 */
export async function supportedVersion(db: Queryable): Promise<string> {
  const { rows } = await db.query<{ version: number; text: string }>(
    `select current_setting('server_version_num')::int as version, current_setting('server_version') as text`,
  );
  const { version = 0, text = '' } = rows[0] ?? {};
  if (version >= OLDEST_POSTGRES * 10_000) return text;
  throw configurationError(
    `the server runs PostgreSQL ${text}, which is too old`,
    `Upgrade it to version ${OLDEST_POSTGRES} or newer, or set DATABASE_URL to another server.`,
  );
}

/**
 * Takes the session lock; CREATE INDEX CONCURRENTLY cannot run in a transaction. The lock is
 * polled: CREATE INDEX CONCURRENTLY waits for every running statement, so a statement that waits
 * for this lock would deadlock with it.
 */
async function takeTurn(session: Session): Promise<void> {
  for (;;) {
    const { rows } = await session.query<{ taken: boolean }>(
      'select pg_try_advisory_lock($1) as taken',
      [LOCK],
    );
    if (rows[0]?.taken) return;
    await wait(TURN_MS);
  }
}

async function applyOurs(tx: Queryable, pending: string[]): Promise<void> {
  await tx.query('create schema if not exists donations');
  await tx.query(
    `create table if not exists donations.schema_migrations (
       name text primary key, checksum text not null, applied_at timestamptz not null default now())`,
  );
  for (const migration of readMigrations()) {
    if (!pending.includes(migration.name)) continue;
    await tx.query(migration.sql);
    await tx.query('insert into donations.schema_migrations (name, checksum) values ($1, $2)', [
      migration.name,
      migration.checksum,
    ]);
  }
  await tx.query(
    'insert into donations.currencies select unnest($1::text[]) on conflict do nothing',
    [currencies()],
  );
}

async function buildIndex(
  session: Session,
  { name, on }: (typeof QUEUE_INDEXES)[number],
): Promise<void> {
  // An interrupted build leaves an invalid index under the same name.
  await session.query(`drop index concurrently if exists graphile_worker.${name}`);
  await session.query(`create index concurrently ${name} on ${on}`);
}

async function migrateWorker(url: string): Promise<void> {
  // Loaded on demand: the module is large, and every command checks the migrations.
  const { Logger, runMigrations } = await import('graphile-worker');
  const pgPool = new pg.Pool({
    ...connectionSettings({ url, applicationName: 'donations db migrate', statementTimeoutMs: 0 }),
    Client,
    max: 1,
  });
  // When a connection is lost its query fails. The events still need listeners.
  pgPool.on('error', () => {});
  pgPool.on('connect', (client) => client.on('error', () => {}));
  try {
    await runMigrations({ pgPool, logger: new Logger(() => () => {}) });
  } finally {
    await pgPool.end();
  }
}
