import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openDb } from '../../src/lib/db/database.ts';
import { embeddedStatus, stopEmbedded } from '../../src/lib/db/embedded.ts';

const LAUNCHER = new URL('../../bin/donations', import.meta.url).pathname;
const ROOT = process.getuid?.() === 0;

interface Id {
  uid: number;
  gid: number;
}
const nobody: Id | undefined = ROOT ? account('nobody') : undefined;

function account(name: string): Id | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((text) => text.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : undefined;
}

let base: string;
let dataDir: string;
let others: ChildProcess[];
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'donations-embedded-'));
  chmodSync(base, 0o755);
  dataDir = join(base, 'data');
  others = [];
});
afterEach(async () => {
  for (const other of others) other.kill('SIGKILL');
  await stopEmbedded({ dataDir, mode: 'immediate' });
  rmSync(base, { recursive: true, force: true });
});

function cli(
  args: string[],
  as?: Id,
  dir = dataDir,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [LAUNCHER, ...args], {
      env: { PATH: process.env.PATH, HOME: base, DONATIONS_DATA_DIR: dir },
      cwd: base,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...as,
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (text) => {
      stdout += text;
    });
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

async function url(as?: Id): Promise<string> {
  const { code, stdout, stderr } = await cli(['db', 'url'], as);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return stdout.trim();
}

async function ask(at: string, sql: string): Promise<unknown[]> {
  const db = openDb({ url: at, applicationName: 'test', poolSize: 1 });
  return db
    .query(sql)
    .then(({ rows }) => rows)
    .finally(() => db.close());
}

const serverPid = async () => (await embeddedStatus({ dataDir })).pid as number;

/** Kills the server and all its children with SIGKILL. Children are identified by their parent. */
async function killServer(): Promise<void> {
  const pid = await serverPid();
  const children = readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'utf8');
      return text.slice(text.lastIndexOf(')') + 2).split(' ')[1] === String(pid);
    } catch {
      return false;
    }
  });
  for (const one of [pid, ...children.map(Number)]) {
    try {
      process.kill(one, 'SIGKILL');
    } catch {
      /* The process has ended. */
    }
  }
  await vi.waitFor(
    async () => expect((await embeddedStatus({ dataDir })).running).toBe(false),
    10_000,
  );
}

it('is one server when two first commands start it at once', async () => {
  const [one, other] = await Promise.all([url(), url()]);
  expect(one).toBe(other);
  expect(await ask(one, 'select 1 as up')).toEqual([{ up: 1 }]);
  expect(statSync(join(dataDir, 'postgres.password')).mode & 0o777).toBe(0o600);
});

it.skipIf(process.platform !== 'linux')(
  'comes up with its data after kill -9 of everything',
  async () => {
    const before = await url();
    await ask(before, 'create table kept as select 42 as answer');
    await killServer();
    expect(existsSync(join(dataDir, 'postgres/postmaster.pid'))).toBe(true);
    expect(await url()).toBe(before);
    expect(await ask(before, 'select answer from kept')).toEqual([{ answer: 42 }]);
  },
);

it.skipIf(process.platform !== 'linux').each(['the server’s account', 'the account that runs us'])(
  'comes up when the stale pid is a process of %s by now',
  async (whose) => {
    const before = await url();
    await killServer();
    const file = join(dataDir, 'postgres/postmaster.pid');
    const { uid, gid } = statSync(file);
    const other = spawn(
      'sleep',
      ['600'],
      whose === 'the server’s account' && ROOT ? { uid, gid } : {},
    );
    others.push(other);
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^\d+/, String(other.pid)));
    expect(await url()).toBe(before);
    expect(await serverPid()).not.toBe(other.pid);
    expect(other.exitCode).toBeNull();
  },
);

it('takes another port when somebody listens on the one remembered', async () => {
  const before = new URL(await url());
  expect((await cli(['db', 'stop'])).code).toBe(0);
  const taken = createServer().listen(Number(before.port), '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  try {
    const after = await url();
    expect(new URL(after).port).not.toBe(before.port);
    expect(await ask(after, 'select 1 as up')).toEqual([{ up: 1 }]);
  } finally {
    taken.close();
  }
});

it('works below a path with spaces and quotes', async () => {
  dataDir = join(base, `my data 'and' "more"`);
  expect(await ask(await url(), 'select 1 as up')).toEqual([{ up: 1 }]);
});

it('refuses a data directory that cannot be written, and makes nothing', async () => {
  const closed = join(base, 'closed');
  mkdirSync(closed, { mode: 0o555 });
  const dir = join(closed, 'data');
  const { code, stderr, stdout } = await cli(['db', 'start'], nobody, dir);
  expect(code).toBe(78);
  expect(stdout).toBe('');
  expect(stderr.trim().split('\n')[0]).toContain(dir);
  expect(stderr).toContain('DONATIONS_DATA_DIR');
  expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
  expect(readdirSync(closed)).toEqual([]);
});

it.skipIf(!ROOT)('as root, runs as an account that is not', async () => {
  await url();
  const allowed = ['postgres', 'nobody'].map((name) => account(name)?.uid);
  const status = readFileSync(`/proc/${await serverPid()}/status`, 'utf8');
  const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]);
  expect(uid).not.toBe(0);
  expect(allowed).toContain(uid);
});

it.skipIf(!nobody)('as an ordinary user, runs as that user', async () => {
  const as = nobody as Id;
  chownSync(base, as.uid, as.gid);
  expect(await ask(await url(as), 'select 1 as up')).toEqual([{ up: 1 }]);
  expect(statSync(join(dataDir, 'postgres')).uid).toBe(as.uid);
  expect((await cli(['db', 'stop'], as)).code).toBe(0);
});

it.skipIf(!ROOT)(
  'as root, refuses a directory that the server’s account may not enter',
  async () => {
    const closed = join(base, 'private');
    mkdirSync(closed, { mode: 0o700 });
    const { code, stderr } = await cli(['db', 'start'], undefined, join(closed, 'data'));
    expect(code).toBe(78);
    expect(stderr).toContain(closed);
    expect(stderr).toMatch(/account (postgres|nobody)/);
    expect(stderr).toContain('DONATIONS_DATA_DIR');
  },
);
