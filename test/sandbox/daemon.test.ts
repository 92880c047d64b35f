import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { SandboxClient } from '../../src/lib/sandbox/client.ts';
import { ensureSandbox, sandboxStatus, stopSandbox } from '../../src/lib/sandbox/daemon.ts';
import { startSandbox } from '../../src/lib/sandbox/server.ts';
import { chargeParams, failureOf, mail, mailerOn, stripeOn, tempDir } from './harness.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
// Inside the package, so that its dependencies are found.
const outdir = join(root, 'node_modules/.cache', `sandbox-test-${process.pid}`);
const command: [string, string] = [process.execPath, join(outdir, 'serve-process.mjs')];
let dataDir: string;

beforeAll(async () => {
  await build({
    entryPoints: [join(root, 'test/sandbox/serve-process.ts')],
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    logLevel: 'error',
  });
});
afterAll(() => rmSync(outdir, { recursive: true, force: true }));
beforeEach(() => {
  dataDir = tempDir();
});
afterEach(async () => {
  await stopSandbox({ dataDir });
  rmSync(dataDir, { recursive: true });
});

const ensure = () => ensureSandbox({ dataDir, command });
const isGone = (pid: number) => {
  try {
    return !process.kill(pid, 0);
  } catch {
    return true;
  }
};
const kill = async (pid: number) => {
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => isGone(pid)).toBe(true);
};

test('it is started once, found after that, and stopped', async () => {
  const first = await ensure();
  expect(first).toEqual({
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    secret: expect.stringMatching(/^[\w-]{43}$/),
    started: true,
  });
  expect(await ensure()).toEqual({ ...first, started: false });
  const { pid, running } = await sandboxStatus({ dataDir });
  expect(running).toBe(true);
  expect(await stopSandbox({ dataDir })).toBe(true);
  await expect.poll(() => isGone(pid as number)).toBe(true);
  expect(await sandboxStatus({ dataDir })).toEqual({ running: false });
  expect(await stopSandbox({ dataDir })).toBe(false);
});

test('commands that start it at once get the same one', async () => {
  const all = await Promise.all(Array.from({ length: 5 }, ensure));
  expect(new Set(all.map(({ url }) => url)).size).toBe(1);
  expect(all.filter(({ started }) => started)).toHaveLength(1);
  const { pid } = await new SandboxClient(all[0] as { url: string; secret: string }).health();
  expect((await sandboxStatus({ dataDir })).pid).toBe(pid);
});

test('its state survives kill -9, on the same port', async () => {
  const before = await ensure();
  const { url } = before;
  const { pid } = await sandboxStatus({ dataDir });
  await new SandboxClient(before).setFaults('sendgrid', { unavailable: true });
  const stripe = stripeOn({ port: Number(new URL(url).port) });
  const charge = () =>
    stripe.paymentIntents.create(chargeParams({ metadata: { donation_id: 'don_1' } }), {
      idempotencyKey: 'k',
    });
  const { id } = await charge();
  await kill(pid as number);
  expect(await sandboxStatus({ dataDir })).toEqual({ running: false });

  const after = await ensure();
  expect(after).toMatchObject({ url, started: true });
  const admin = new SandboxClient(after);
  expect((await charge()).id).toBe(id);
  expect(await admin.paymentIntents({ donationId: 'don_1' })).toHaveLength(1);
  expect(await failureOf(mailerOn({ url }).send(mail()))).toMatchObject({ code: 503 });
  await admin.reset();
  await mailerOn({ url }).send(mail());
  expect(await admin.stats()).toMatchObject({ payment_intents: 0, mails: 1 });
});

test('it is found again at once after it was stopped', async () => {
  const { url } = await ensure();
  for (let i = 0; i < 3; i++) {
    await stopSandbox({ dataDir });
    expect(await ensure()).toMatchObject({ url, started: true });
  }
});

test('it chooses another port when its former port is in use', async () => {
  const { url } = await ensure();
  const { pid } = await sandboxStatus({ dataDir });
  await kill(pid as number);
  const thief = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) =>
    thief.listen(Number(new URL(url).port), '127.0.0.1', resolve),
  );
  const second = await ensure();
  expect(second).toMatchObject({ started: true });
  expect(second.url).not.toBe(url);
  thief.close();
});

test("another directory's sandbox on the port is not taken for ours", async () => {
  const otherDir = tempDir();
  const other = await startSandbox({ dataDir: otherDir });
  writeFileSync(
    join(dataDir, 'sandbox.json'),
    JSON.stringify({ pid: process.pid, port: other.port }),
  );
  expect(await sandboxStatus({ dataDir })).toEqual({ running: false });
  expect((await ensure()).url).not.toBe(other.url);
  await other.close();
  rmSync(otherDir, { recursive: true });
});

test('its files are for its owner alone, its log is beside them', async () => {
  await ensure();
  const files = readdirSync(dataDir);
  expect(files).toEqual(
    expect.arrayContaining([
      'sandbox.json',
      'sandbox.secret',
      'sandbox.log',
      'local.sqlite',
      'local.sqlite-wal',
    ]),
  );
  for (const file of files) {
    expect(statSync(join(dataDir, file)).mode & 0o777, file).toBe(0o600);
  }
});

test('without the secret from the directory, the port answers nothing', async () => {
  const { url, secret } = await ensure();
  await mailerOn({ url }).send(mail());
  const ask = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${url}/_sandbox/${path}`, { headers });
  for (const path of ['inbox', 'webhooks', 'payment_intents', 'customers', 'health', 'nothing']) {
    for (const headers of [{}, { Authorization: 'Bearer x' }, { Authorization: secret }]) {
      const response = await ask(path, headers as Record<string, string>);
      expect(response.status, path).toBe(401);
      expect(await response.text()).not.toContain(dataDir);
    }
  }
  expect((await ask('inbox', { Authorization: `Bearer ${secret}` })).status).toBe(200);
  expect(await failureOf(new SandboxClient({ url, secret: 'another' }).inbox())).toMatchObject({
    code: 'configuration',
    message: expect.stringContaining('another data'),
  });
});

test('the secret of an earlier run is refused', async () => {
  const before = await ensure();
  await stopSandbox({ dataDir });
  const after = await ensure();
  expect(after.url).toBe(before.url);
  expect(await failureOf(new SandboxClient(before).health())).toMatchObject({
    code: 'configuration',
  });
  expect(await new SandboxClient(after).health()).toMatchObject({ ok: true });
});

test('a relative directory is relative to the working directory', async () => {
  const { url } = await ensure();
  expect(await ensureSandbox({ dataDir: relative(process.cwd(), dataDir), command })).toMatchObject(
    {
      url,
      started: false,
    },
  );
});

test('a server that cannot start gives one clear error that names the log', async () => {
  mkdirSync(join(dataDir, 'local.sqlite'));
  const error = await failureOf(ensure());
  expect(error).toMatchObject({
    code: 'dependency_down',
    hint: expect.stringContaining('sandbox.log'),
  });
  expect(readFileSync(join(dataDir, 'sandbox.log'), 'utf8')).toMatch(/EISDIR|directory/);
});

test('one process a directory', async () => {
  await ensure();
  expect(await failureOf(startSandbox({ dataDir }))).toMatchObject({
    name: 'UserError',
    code: 'try_again',
  });
});
