import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { type Db, openDb } from '../../src/lib/db/database.ts';
import { migrate, migrationState, supportedVersion } from '../../src/lib/db/migrate.ts';
import { ensureMode, prepareDatabase, readMode } from '../../src/lib/db/prepare.ts';

let url: string;
let db: Db;
let admin: Db;
let name: string;

beforeEach(async () => {
  name = `test_migrate_${randomBytes(6).toString('hex')}`;
  const server = new URL(inject('serverUrl'));
  admin = openDb({ url: server.href, applicationName: 'donations test', poolSize: 1 });
  await admin.query(`create database ${name}`);
  server.pathname = `/${name}`;
  url = server.href;
  db = openDb({ url, applicationName: 'donations test' });
});

afterEach(async () => {
  await db.close();
  await admin.query(`drop database ${name} with (force)`);
  await admin.close();
});

const FILES = readdirSync(new URL('../../src/lib/db/migrations/', import.meta.url)).sort();

describe('migrate', () => {
  it('is done once, however many commands start it at once', async () => {
    const { pending } = await migrationState(db);
    expect(pending).toEqual([...FILES, 'graphile-worker', 'indexes']);
    const all = await Promise.all([1, 2, 3, 4].map(() => migrate(url)));
    expect(all.filter((applied) => applied.length > 0)).toEqual([pending]);
    expect((await migrationState(db)).pending).toEqual([]);
    const { rows } = await db.query<{ name: string }>(
      'select name from donations.schema_migrations',
    );
    expect(rows).toHaveLength(FILES.length);
    expect(await migrate(url)).toEqual([]);
  });

  it('refuses a database of a newer version', async () => {
    await migrate(url);
    await db.query(`insert into donations.schema_migrations values ('0999_future.sql', 'x')`);
    const refusal = { code: 'configuration', message: /0999_future\.sql/ };
    for (const attempt of [migrationState(db), migrate(url)]) {
      await expect(attempt).rejects.toMatchObject({
        ...refusal,
        message: expect.stringMatching(refusal.message),
      });
    }
  });

  it('refuses a migration that was changed since', async () => {
    await migrate(url);
    await db.query(
      `update donations.schema_migrations set checksum = 'x' where name = '0001_gifts.sql'`,
    );
    await expect(migrate(url)).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('0001_gifts.sql'),
    });
  });
});

describe('prepareDatabase', () => {
  const options = (migrateByItself: boolean) => ({
    url,
    mode: 'sandbox' as const,
    migrateByItself,
  });

  it('names the command when it may not migrate, and touches nothing', async () => {
    await expect(prepareDatabase(db, options(false))).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('has not been set up'),
      hint: expect.stringContaining('donations db migrate'),
    });
    const { rows } = await db.query(`select to_regnamespace('donations') as schema`);
    expect(rows).toEqual([{ schema: null }]);
  });

  it('says how many are missing of a database that has some', async () => {
    await migrate(url);
    await db.query('delete from donations.schema_migrations where name = $1', ['0003_queue.sql']);
    await expect(prepareDatabase(db, options(false))).rejects.toMatchObject({
      code: 'configuration',
      message: 'the database lacks 1 migration',
      hint: expect.stringContaining('donations db migrate'),
    });
  });

  it('migrates and sets the mode when it may', async () => {
    await prepareDatabase(db, options(true));
    expect((await migrationState(db)).pending).toEqual([]);
    expect(await readMode(db)).toBe('sandbox');
    await prepareDatabase(db, options(false));
  });
});

describe('the mode', () => {
  it('is that of the first command, of however many at once', async () => {
    await migrate(url);
    const modes = ['sandbox', 'test', 'live', 'sandbox', 'test', 'live'] as const;
    const results = await Promise.allSettled(modes.map((mode) => ensureMode(db, mode)));
    const won = await readMode(db);
    expect(modes).toContain(won);
    results.forEach((result, i) => {
      expect(result.status).toBe(modes[i] === won ? 'fulfilled' : 'rejected');
    });
  });

  it('refuses settings of another', async () => {
    await migrate(url);
    await ensureMode(db, 'sandbox');
    await expect(ensureMode(db, 'live')).rejects.toMatchObject({
      code: 'configuration',
      message: 'this is a sandbox database, but the settings are for live mode',
    });
    expect(await readMode(db)).toBe('sandbox');
  });
});

it.each([
  ['12.22', 120022, true],
  ['13.0', 130000, false],
  ['18.4', 180004, false],
])('a server of version %s is refused: %s %s', async (text, version, refused) => {
  const answered = supportedVersion({
    query: async <Row>() => ({ rows: [{ version, text } as Row], rowCount: 1 }),
  });
  if (!refused) return expect(answered).resolves.toBe(text);
  await expect(answered).rejects.toMatchObject({
    code: 'configuration',
    message: 'the server runs PostgreSQL 12.22, which is too old',
  });
});
