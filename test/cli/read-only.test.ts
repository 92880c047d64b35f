import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { donateNow } from '../support/donate.ts';
import { addJob } from '../support/jobs.ts';
import { gift, type System, startSystem } from '../support/system.ts';

let system: System;
let id: string;
let job: string;
const role = `reader_${randomBytes(4).toString('hex')}`;
const home = mkdtempSync(join(tmpdir(), 'donations-reader-'));
/** Nothing but where the database is, as a role that may only read. */
const env: NodeJS.ProcessEnv = { PATH: process.env.PATH, HOME: home, DONATIONS_DATA_DIR: home };

beforeAll(async () => {
  system = await startSystem();
  id = (await donateNow(system.deps, gift())).id;
  job = await addJob(system.db, { state: 'failed' });
  await system.db.query(`create role ${role} login password 'reader'`);
  const url = new URL(system.env.DATABASE_URL as string);
  url.username = role;
  url.password = 'reader';
  env.DATABASE_URL = url.href;
});
afterAll(async () => {
  await system.db.query(`drop owned by ${role}; drop role ${role}`);
  await system.close();
  rmSync(home, { recursive: true });
});

describe('db grant-readonly', () => {
  it('is needed: a role without it is refused in one line', async () => {
    const { code, stderr } = await runCli(['list'], { env });
    expect(code).toBe(78);
    expect(stderr).toContain('permission denied');
  });

  it('prints what it would do, or does it', async () => {
    const printed = await runCli(['db', 'grant-readonly', role, '--print'], { env: system.env });
    expect(printed.stdout).toContain(`grant usage on schema graphile_worker to "${role}";`);
    const none = await runCli(['db', 'grant-readonly', 'no"body'], { env: system.env });
    expect(none.code).toBe(3);
    await runCli(['db', 'grant-readonly', role], { env: system.env });
    const { code, stderr } = await runCli(['db', 'grant-readonly', role], { env: system.env });
    expect(code, stderr).toBe(0);
  });
});

describe('commands that only read', () => {
  it.each([
    ['list'],
    ['show', 'lovelace'],
    ['donors', 'list'],
    ['donors', 'show', 'lovelace'],
    ['jobs', 'list'],
    ['logs'],
    ['jobs', 'show', 'JOB'],
    ['jobs', 'stats'],
    ['jobs', 'errors'],
    ['receipts', 'list'],
    ['receipts', 'show', 'ID'],
    ['worker', 'list'],
    ['cron', 'list'],
    ['audit'],
    ['audit', '--donation', 'ID'],
    ['organization', 'show'],
  ])('donations %s %s need a database to read, and no keys', async (...words) => {
    const args = words.map((word) => (word === 'ID' ? id : word === 'JOB' ? job : word));
    const { code, stderr } = await runCli([...args, '--json'], { env });
    expect(code, stderr).toBe(0);
  });

  it('see the jobs, which Graphile Worker hides from other roles', async () => {
    const { stdout } = await runCli(['jobs', 'list', '--failed', '--json'], { env });
    expect(JSON.parse(stdout)).toMatchObject([{ job, status: 'failed' }]);
  });

  it('work whatever the mode of the database is', async () => {
    await system.db.query(`update donations.settings set value = 'live' where key = 'mode'`);
    expect((await runCli(['list'], { env })).code).toBe(0);
    const writes = await runCli(['jobs', 'pause', 'send_receipt'], { env });
    expect(writes.code).toBe(78);
    expect(writes.stderr).toContain('this is a live database');
  });
});
