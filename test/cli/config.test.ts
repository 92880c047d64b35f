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

it('shows no password of a proxy or of a database, however it is written', async () => {
  const { code, stdout } = await runCli(['config', 'show', '--json'], {
    env: {
      ...env,
      STRIPE_API_BASE: 'https://me:hunter2@proxy.example/stripe',
      DATABASE_URL: 'postgres://me@db.example/gifts?password=hunter2',
    },
  });
  expect(code).toBe(0);
  expect(stdout).toContain('https://me:****@proxy.example/stripe');
  expect(stdout).not.toContain('hunter2');

  const wrong = await runCli(['config', 'show'], {
    env: { ...env, DATABASE_URL: 'postgres://me:12#hunter2@db.example/gifts' },
  });
  expect(wrong.code).toBe(78);
  expect(wrong.stdout + wrong.stderr).not.toContain('hunter2');
  expect(wrong.stderr).toContain('%23 for #');
});

it('is one setting a line in a pipe', async () => {
  const { stdout } = await runCli(['config', 'show'], { env });
  const lines = stdout.trimEnd().split('\n');
  expect(lines[0]).toBe('SETTING\tVALUE\tFROM\tENVIRONMENT');
  expect(lines).toContain(
    `receipts.from.name\tRiver Trust\tfile ${file}\tDONATIONS_RECEIPTS_FROM_NAME`,
  );
});
