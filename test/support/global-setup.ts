import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { openDb } from '../../src/lib/db/database.ts';
import { startEmbedded, stopEmbedded } from '../../src/lib/db/embedded.ts';
import { migrate } from '../../src/lib/db/migrate.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A server for test databases. */
    serverUrl: string;
    /** A migrated database to clone. */
    template: string;
  }
}

/**
 * Starts one Postgres for the run, with a migrated database to clone: `TEST_DATABASE_URL`, or an
 * embedded one.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Tests run the built command line.
  execFileSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit' });
  const external = process.env.TEST_DATABASE_URL;
  const dataDir = mkdtempSync(join(tmpdir(), 'donations-test-'));
  // The server's account must be able to enter the directory.
  await chmod(dataDir, 0o755);
  const settings = { fsync: 'off', full_page_writes: 'off' };
  const serverUrl = external ?? (await startEmbedded({ dataDir, settings })).url;
  const template = `donations_template_${process.pid}`;
  const admin = openDb({ url: serverUrl, applicationName: 'donations test', poolSize: 1 });
  await admin.query(`create database ${template}`);
  await migrate(databaseUrl(serverUrl, template));
  project.provide('serverUrl', serverUrl);
  project.provide('template', template);
  return async () => {
    await admin.query(`drop database ${template} with (force)`);
    await admin.close();
    if (!external) await stopEmbedded({ dataDir, mode: 'immediate' });
    rmSync(dataDir, { recursive: true, force: true });
  };
}

function databaseUrl(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}
