import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';

const dir = mkdtempSync(join(tmpdir(), 'donations-config-cli-'));
afterAll(() => rmSync(dir, { recursive: true }));

const file = join(dir, 'settings.toml');
writeFileSync(
  file,
  `[organization]
legalName = "River Trust"
address = ["1 Bank Street", "Leeds"]
taxId = "77-0000000"
email = "gifts@river.example"

[receipts.from]
email = "receipts@river.example"
name = "River Trust"
`,
);

const env = {
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  DONATIONS_CONFIG: file,
  STRIPE_SECRET_KEY: 'sk_test_51SecretSecretSecret4242',
  SENDGRID_API_KEY: 'SG.SecretSecret.SecretSecret4343',
  DATABASE_URL: 'postgres://me:hunter2@db.example:5432/gifts',
};

it('shows every effective setting, where it came from, and no secret', async () => {
  const { code, stdout } = await runCli(['config', 'show', '--json'], { env });
  expect(code).toBe(0);
  expect(stdout).not.toMatch(/hunter2|SecretSecret/);
  const settings = Object.fromEntries(
    JSON.parse(stdout).map((row: { setting: string }) => [row.setting, row]),
  );
  expect(settings['stripe.secretKey']).toMatchObject({
    value: 'sk_test_****4242',
    source: 'environment STRIPE_SECRET_KEY',
  });
  expect(settings['sendgrid.apiKey'].value).toBe('SG.****4343');
  expect(settings.databaseUrl.value).toBe('postgres://me:****@db.example:5432/gifts');
  expect(settings.mode).toMatchObject({ value: 'test', source: 'the keys' });
  expect(settings['organization.legalName']).toMatchObject({
    value: 'River Trust',
    source: `file ${file}`,
  });
  expect(settings['stripe.timeoutMs']).toMatchObject({
    source: 'default',
    environment: 'DONATIONS_STRIPE_TIMEOUT_MS',
  });
});

it('is one setting a line in a pipe', async () => {
  const { stdout } = await runCli(['config', 'show'], { env });
  const lines = stdout.trimEnd().split('\n');
  expect(lines[0]).toBe('SETTING\tVALUE\tFROM\tENVIRONMENT');
  expect(lines).toContain(
    `receipts.from.name\tRiver Trust\tfile ${file}\tDONATIONS_RECEIPTS_FROM_NAME`,
  );
});
