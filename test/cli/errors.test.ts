import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, inject, it } from 'vitest';
import { ensureMode } from '../../src/lib/db/prepare.ts';
import { launcherPath } from '../../src/lib/launcher.ts';
import { runCli } from '../support/cli.ts';
import { createTestDatabase } from '../support/database.ts';

const env = { PATH: process.env.PATH, HOME: '/nonexistent' };
const UNREACHABLE = 'postgres://me:hunter2@127.0.0.1:1/gifts';

describe('a database that cannot be used', () => {
  it('is named by its host, never with its password: exit code 69', async () => {
    const { code, stdout, stderr } = await runCli(['worker', 'list'], {
      env: { ...env, DATABASE_URL: UNREACHABLE },
    });
    expect(code).toBe(69);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^donations: Postgres at 127\.0\.0\.1:1\/gifts cannot be reached: .+\n/);
    expect(stderr).toContain('DATABASE_URL');
    expect(stderr).not.toContain('hunter2');
  });

  it('is reported as JSON to scripts', async () => {
    const { code, stderr } = await runCli(['worker', 'list', '--json'], {
      env: { ...env, DATABASE_URL: UNREACHABLE },
    });
    expect(code).toBe(69);
    expect(JSON.parse(stderr).error.code).toBe('dependency_down');
    expect(stderr).not.toContain('hunter2');
  });

  it('does not exist: exit code 78', async () => {
    const url = new URL(inject('serverUrl'));
    url.pathname = '/no_such_database';
    const { code, stderr } = await runCli(['worker', 'list'], {
      env: { ...env, DATABASE_URL: url.href },
    });
    expect(code).toBe(78);
    expect(stderr).toContain('no_such_database');
  });

  it('has not been migrated: exit code 78 and the command that does it', async () => {
    const { code, stderr } = await runCli(['worker', 'list'], {
      env: { ...env, DATABASE_URL: inject('serverUrl') },
    });
    expect(code).toBe(78);
    expect(stderr).toContain('donations db migrate');
  });
});

it('tells a wrong setting before anything else: exit code 78, one line and what to do', async () => {
  const { code, stdout, stderr } = await runCli(['worker', 'list'], {
    env: { ...env, DONATIONS_MODE: 'live' },
  });
  expect(code).toBe(78);
  expect(stdout).toBe('');
  expect(stderr.trim().split('\n')).toHaveLength(4);
  expect(stderr).toMatch(/^donations: mode is live .* not set: stripe.secretKey, .*\n {2}\S/);
});

it('does not take the word after --json for its fields', async () => {
  const { code, stderr } = await runCli(['show', '--json', 'don_1'], {
    env: { ...env, DATABASE_URL: UNREACHABLE },
  });
  expect(code).toBe(69);
  expect(JSON.parse(stderr).error.code).toBe('dependency_down');
});

it('exits 0 when its output pipe is closed', async () => {
  const child = spawn(process.execPath, [launcherPath(), 'jobs', 'policy', '--output', 'ndjson'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  expect(stderr).toBe('');
  expect(code).toBe(0);
});

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('ends at once on %s, with %i', async (signal, expected) => {
  // A database that accepts the connection and never answers.
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const child = spawn(process.execPath, [launcherPath(), 'worker', 'list'], {
    env: { ...env, DATABASE_URL: `postgres://me@127.0.0.1:${port}/gifts` },
    stdio: 'ignore',
  });
  const [socket] = await once(silent, 'connection');
  const asked = performance.now();
  child.kill(signal);
  const [code] = await once(child, 'exit');
  expect(code).toBe(expected);
  expect(performance.now() - asked).toBeLessThan(3000);
  socket.destroy();
  silent.close();
});

it('reports a bug with its stack: exit code 70', async () => {
  // Thrown from a signal listener, outside the command.
  const bug =
    'data:text/javascript,process.once("newListener", () => setImmediate(() => { throw new RangeError("boom"); }))';
  const { code, stderr } = await runCli(['jobs', 'policy', '--help'], {
    env: { ...env, NODE_OPTIONS: `--import=${bug.replaceAll(' ', '%20').replaceAll('"', '%22')}` },
  });
  expect(code).toBe(70);
  expect(stderr).toMatch(/^donations: this is a bug.*\nRangeError: boom\n {4}at /);
});

it('refuses keys of another mode than the database is of: exit code 78, nothing written', async () => {
  const { url, db, drop } = await createTestDatabase();
  await ensureMode(db, 'sandbox');
  const gift =
    '--amount 5 --currency usd --email a@example.org --name A --payment-method pm_card_visa';
  const { code, stdout, stderr } = await runCli(['donate', ...gift.split(' ')], {
    env: {
      ...env,
      DATABASE_URL: url,
      STRIPE_SECRET_KEY: 'sk_live_4242',
      SENDGRID_API_KEY: 'SG.live',
      // No server listens there: the refusal comes first.
      STRIPE_API_BASE: 'http://127.0.0.1:1',
      SENDGRID_API_BASE: 'http://127.0.0.1:1',
      DONATIONS_ORGANIZATION_LEGAL_NAME: 'River Trust',
      DONATIONS_ORGANIZATION_ADDRESS: '1 Bank Street',
      DONATIONS_ORGANIZATION_TAX_ID: '77-0000000',
      DONATIONS_ORGANIZATION_EMAIL: 'gifts@river.example',
      DONATIONS_RECEIPTS_FROM_EMAIL: 'receipts@river.example',
      DONATIONS_RECEIPTS_FROM_NAME: 'River Trust',
    },
  });
  const { rowCount } = await db.query('select 1 from donations.donations');
  await drop();
  expect(code).toBe(78);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/sandbox database, but the settings are for live mode/);
  expect(rowCount).toBe(0);
});
