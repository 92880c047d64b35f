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

// Next to this module in src, next to its chunk in dist.
const FOLDER = new URL('./migrations/', import.meta.url);
// One migration at a time on a database, whoever starts it.
const LOCK = 7_302_146_001;
const TURN_MS = 100;
// graphile-worker's newest migration that this version brings.
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
 * Which of our migrations the database has and lacks.
 * @throws UserError `configuration` when it has one that we do not know (a newer donations made it)
 *   or one that was changed since.
 */
export async function migrationState(db: Queryable): Promise<MigrationState> {
  const known = readMigrations();
  const { rows } = await db.query<{ exists: boolean; worker: number | null }>(
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
        `the database has the migration ${name}, which this version of donations does not know`,
        'Use the version that made it, or a newer one.',
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

/** Those that are not there, or whose building was broken off. */
async function missingIndexes(db: Queryable): Promise<typeof QUEUE_INDEXES> {
  const { rows } = await db.query<{ name: string }>(
    `select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid
     where c.relnamespace = to_regnamespace('graphile_worker') and i.indisvalid`,
  );
  return QUEUE_INDEXES.filter((index) => !rows.some(({ name }) => name === index.name));
}

/**
 * Brings the database to this version: our migrations in one transaction, Graphile Worker's, and our
 * indexes on its table, which are built without locking out its workers.
 * However many commands do it at once, it is done once.
 * @returns the names of those applied.
 */
export async function migrate(url: string): Promise<string[]> {
  const db = openDb({
    url,
    applicationName: 'donations db migrate',
    poolSize: 1,
    // An index on a big table takes as long as it takes.
    statementTimeoutMs: 0,
  });
  try {
    const session = await db.session('donations db migrate');
    try {
      await takeTurn(session);
      const { pending } = await migrationState(session);
      await db.transaction((tx) => applyOurs(tx, pending));
      if (pending.includes('graphile-worker')) await migrateWorker(url);
      for (const index of await missingIndexes(session)) await buildIndex(session, index);
      return pending;
    } finally {
      // With the connection the lock goes.
      await session.end();
    }
  } finally {
    await db.close();
  }
}

/**
 * Takes the lock, which is of the connection: building an index concurrently is not for transactions.
 * It is asked for again and again rather than waited for: an index that is built concurrently waits
 * for every statement under way, and so would wait for those that wait for its lock.
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
  // What is left of one whose building was broken off is not used, and in the way.
  await session.query(`drop index concurrently if exists graphile_worker.${name}`);
  await session.query(`create index concurrently ${name} on ${on}`);
}

async function migrateWorker(url: string): Promise<void> {
  // Loaded only when there is something to migrate: it is large, and every command asks for the state.
  const { Logger, runMigrations } = await import('graphile-worker');
  const pgPool = new pg.Pool({
    ...connectionSettings({ url, applicationName: 'donations db migrate', statementTimeoutMs: 0 }),
    Client,
    max: 1,
  });
  // A lost connection fails its query; the events must have listeners all the same.
  pgPool.on('error', () => {});
  pgPool.on('connect', (client) => client.on('error', () => {}));
  try {
    await runMigrations({ pgPool, logger: new Logger(() => () => {}) });
  } finally {
    await pgPool.end();
  }
}
