import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system.close());

interface Result {
  check: string;
  status: string;
  message: string;
  hint: string | null;
}

async function doctor(
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; of: Record<string, Result> }> {
  const { code, stdout } = await runCli(['doctor', '--json'], { env: { ...system.env, ...env } });
  const results: Result[] = JSON.parse(stdout);
  return { code, of: Object.fromEntries(results.map((result) => [result.check, result])) };
}

it('finds no problem in a working system, and warns that no worker is alive', async () => {
  const { code, of } = await doctor();
  expect(code).toBe(0);
  expect(of.database?.status).toBe('ok');
  expect(of.worker).toMatchObject({
    status: 'warning',
    hint: expect.stringContaining('donations worker start'),
  });
  const worker = system.startWorker();
  await worker.until((lines) => lines.some(({ msg }) => msg.startsWith('worker started')));
  expect((await doctor()).of.worker?.status).toBe('ok');
  await worker.stop();
});

it('reports a refused key, and what to do', async () => {
  await system.sandbox.setFaults('sendgrid', { unauthorized: true });
  const { code, of } = await doctor();
  await system.sandbox.clearFaults();
  expect(code).toBe(1);
  expect(of.sendgrid?.status).toBe('failed');
  expect(of.stripe?.status).toBe('ok');
});

it('reports an unreachable database once, and continues with other checks', async () => {
  const { code, of } = await doctor({ DATABASE_URL: 'postgres://a:b@127.0.0.1:1/c' });
  expect(code).toBe(1);
  expect(of.database).toMatchObject({
    status: 'failed',
    hint: expect.stringContaining('DATABASE_URL'),
  });
  expect(of.migrations?.status).toBe('skipped');
  expect(of.stripe?.status).toBe('ok');
});

it('reports a broken receipt template by its file', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'donations-templates-'));
  writeFileSync(join(dir, 'receipt.text.hbs'), 'Dear {{donor.nme}}');
  const { code, of } = await doctor({ DONATIONS_RECEIPTS_TEMPLATES_DIR: dir });
  rmSync(dir, { recursive: true });
  expect(code).toBe(1);
  expect(of.sender?.message).toContain('receipt.text.hbs');
});
