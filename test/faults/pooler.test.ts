import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDb } from '../../src/lib/db/database.ts';
import { detectPooling } from '../../src/lib/db/pooler.ts';
import { isComplete, tallySince } from '../../src/lib/donations/tally.ts';
import { runCli } from '../support/cli.ts';
import { donateInBackground } from '../support/donate.ts';
import { gift, type System, startSystem } from '../support/system.ts';

/** PgBouncer in front of a database. */
interface Pooler {
  url: string;
  close(): Promise<void>;
}

async function startPooler(target: string, mode: 'session' | 'transaction'): Promise<Pooler> {
  const far = new URL(target);
  const [database, user] = [far.pathname.slice(1), decodeURIComponent(far.username)];
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'donations-pooler-'));
  chmodSync(folder, 0o777);
  const settings = [
    '[databases]',
    `${database} = host=${far.hostname} port=${far.port} dbname=${database} user=${user} password=${decodeURIComponent(far.password)}`,
    '[pgbouncer]',
    `listen_port = ${port}`,
    'listen_addr = 127.0.0.1',
    'unix_socket_dir =',
    'auth_type = any',
    `pool_mode = ${mode}`,
    'default_pool_size = 10',
    ...(process.getuid?.() === 0 ? ['user = nobody'] : []),
  ];
  const file = join(folder, 'pgbouncer.ini');
  writeFileSync(file, settings.join('\n'), { mode: 0o644 });
  const child: ChildProcess = spawn('pgbouncer', [file], { stdio: ['ignore', 'ignore', 'pipe'] });
  await new Promise<void>((resolve, reject) => {
    let output = '';
    child.stderr?.on('data', (chunk) => {
      output += chunk;
      if (output.includes('process up')) resolve();
    });
    child.once('exit', () => reject(new Error(`PgBouncer ended:\n${output}`)));
  });
  far.hostname = '127.0.0.1';
  far.port = String(port);
  return {
    url: far.href,
    async close() {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      rmSync(folder, { recursive: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

function isInstalled(): boolean {
  try {
    execFileSync('pgbouncer', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system.close());

it('detects Postgres itself', async () => {
  expect(await detectPooling(system.env.DATABASE_URL as string)).toBe('none');
});

// Debian: apt-get install pgbouncer
describe.skipIf(!isInstalled())('through PgBouncer', () => {
  it.each(['session', 'transaction'] as const)('knows its mode: %s', async (mode) => {
    const pooler = await startPooler(system.env.DATABASE_URL as string, mode);
    try {
      expect(await detectPooling(pooler.url)).toBe(mode);
    } finally {
      await pooler.close();
    }
  });

  it('knows its mode while other clients use it', async () => {
    const pooler = await startPooler(system.env.DATABASE_URL as string, 'transaction');
    const busy = openDb({ url: pooler.url, applicationName: 'donations test' });
    let done = false;
    const clients = Array.from({ length: 3 }, async () => {
      while (!done) await busy.query('select pg_sleep(random() * 0.004)');
    });
    try {
      for (let i = 0; i < 100; i++) expect(await detectPooling(pooler.url)).toBe('transaction');
    } finally {
      done = true;
      await Promise.all(clients);
      await busy.close();
      await pooler.close();
    }
  });

  it('in transaction mode a worker refuses to start, and says what to set', async () => {
    const pooler = await startPooler(system.env.DATABASE_URL as string, 'transaction');
    try {
      const env = { ...system.env, DATABASE_URL: pooler.url };
      const { code, stderr } = await runCli(['worker', 'start', '--once'], { env });
      expect(code).toBe(78);
      expect(stderr).toContain('DATABASE_DIRECT_URL');
      const doctor = await runCli(['doctor', '--json'], { env });
      expect(doctor.code).toBe(1);
      expect(doctor.stdout).toContain('DATABASE_DIRECT_URL');
      // Commands that need no session work.
      expect((await runCli(['jobs', 'list', '--json'], { env })).code).toBe(0);
      expect((await runCli(['worker', 'list', '--json'], { env })).code).toBe(0);
    } finally {
      await pooler.close();
    }
  });

  it('in transaction mode a worker works with a direct URL beside it', async () => {
    const pooler = await startPooler(system.env.DATABASE_URL as string, 'transaction');
    const pooled = openDb({
      url: pooler.url,
      directUrl: system.env.DATABASE_URL,
      applicationName: 'donations test',
    });
    try {
      const deps = { ...system.deps, db: pooled };
      for (let i = 0; i < 30; i++) await donateInBackground(deps, gift({ name: `Donor ${i}` }));
      const env = {
        DATABASE_URL: pooler.url,
        DATABASE_DIRECT_URL: system.env.DATABASE_URL,
        // However slow this machine is now, no answer counts as lost.
        DONATIONS_STRIPE_TIMEOUT_MS: '30000',
        DONATIONS_SENDGRID_TIMEOUT_MS: '30000',
      };
      const worker = system.startWorker({ env });
      const account = () => tallySince(system.db, new Date(0));
      await worker.until(async () => isComplete(await account()));
      expect(await account()).toMatchObject({ charged: 30, tokenized: 30, accepted: 30, held: 0 });
      expect(await worker.stop()).toBe(0);
      expect(worker.output).not.toMatch(/prepared statement|"level":50/);
      const { code, stderr } = await runCli(['doctor'], { env: { ...system.env, ...env } });
      expect({ code, stderr }).toMatchObject({ code: 0 });
    } finally {
      await pooled.close();
      await pooler.close();
    }
  });
});
