import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { type Db, openDb } from '../../src/lib/db/database.ts';

export interface TestDatabase {
  url: string;
  db: Db;
  drop(): Promise<void>;
}

/** Makes a separate migrated database for a test, cloned from the template. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const server = new URL(inject('serverUrl'));
  const admin = openDb({ url: server.href, applicationName: 'donations test', poolSize: 1 });
  await admin.query(`create database ${name} template ${inject('template')}`);
  server.pathname = `/${name}`;
  const db = openDb({ url: server.href, applicationName: 'donations test' });
  return {
    url: server.href,
    db,
    async drop() {
      await db.close();
      await admin.query(`drop database ${name} with (force)`);
      await admin.close();
    },
  };
}
