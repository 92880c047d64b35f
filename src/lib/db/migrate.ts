import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import pg from 'pg';
import { configurationError } from '../errors.ts';
import { currencies } from '../money.ts';
import { Client, connectionSettings } from './client.ts';
import { openDb, type Queryable } from './database.ts';
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
        'Install donations anew; on a sandbox database you may also start over: donations db reset.',
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

async function missingIndexes(db: Queryable): Promise<typeof QUEUE_INDEXES> {
  const { rows } = await db.query<{ name: string }>(
    `select indexname as name from pg_indexes where schemaname = 'graphile_worker'`,
  );
  return QUEUE_INDEXES.filter((index) => !rows.some(({ name }) => name === index.name));
}

/**
 * Brings the database to this version: our migrations in one transaction, Graphile Worker's, and our
 * indexes on its table.
 * However many commands do it at once, it is done once.
 * @returns the names of those applied.
 */
export async function migrate(url: string): Promise<string[]> {
  const db = openDb({
    url,
    applicationName: 'donations db migrate',
    poolSize: 2,
    // An index on a big table takes as long as it takes.
    statementTimeoutMs: 0,
  });
  try {
    return await db.transaction(async (tx) => {
      await tx.query('select pg_advisory_xact_lock($1)', [LOCK]);
      const { pending } = await migrationState(tx);
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
      // Under our lock still, on a connection of its own.
      if (pending.includes('graphile-worker')) await migrateWorker(url);
      for (const { sql } of await missingIndexes(tx)) await tx.query(sql);
      return pending;
    });
  } finally {
    await db.close();
  }
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
