import { mkdtempSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';

let dataDir: string;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'donations-demo-'));
  await chmod(dataDir, 0o755);
  env = { PATH: process.env.PATH, HOME: dataDir, DONATIONS_DATA_DIR: dataDir };
});
afterAll(async () => {
  await runCli(['sandbox', 'stop'], { env });
  await runCli(['db', 'stop'], { env });
  rmSync(dataDir, { recursive: true, force: true });
});

it('runs the whole system without set-up, and accounts for every donation', async () => {
  const { code, stdout, stderr } = await runCli(['demo', '--exit'], { env });
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('50 donations (SANDBOX)');
  const number = (what: string) => Number(new RegExp(`(\\d+)  ${what}`).exec(stdout)?.[1]);
  expect(number('charged') + number('declined')).toBe(50);
  expect(number('receipts accepted') + number('held') + number('failed')).toBe(number('charged'));
  expect(number('still being processed')).toBe(0);
});

it('prints a receipt that a donor can use', async () => {
  const inbox = JSON.parse(
    (await runCli(['sandbox', 'inbox', '--json=mail', '--limit', '1'], { env })).stdout,
  );
  const { code, stdout } = await runCli(['sandbox', 'inbox', '--open', inbox[0].mail], { env });
  expect(code).toBe(0);
  expect(stdout).toMatch(/SANDBOX/);
  expect(stdout).toMatch(/No goods or services were provided/);
  expect(stdout).toMatch(/Tax ID/);
  expect(stdout).toMatch(/ending in \d{4}/);
});
