import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/lib/config.ts';
import { runCli } from '../support/cli.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;
const cwd = mkdtempSync(join(tmpdir(), 'donations-init-'));
beforeAll(async () => {
  system = await startSystem();
});
afterAll(async () => {
  await system.close();
  rmSync(cwd, { recursive: true });
});

const init = (...args: string[]) => {
  const { DATABASE_URL: _, ...env } = system.env;
  return runCli(['init', ...args], { env, cwd });
};
const ORGANIZATION = [
  ...['--legal-name', 'River Trust', '--address', '1 Bank Street | Leeds', '--tax-id', '77-1'],
  ...['--email', 'gifts@river.example', '--time-zone', 'Europe/London', '--country', 'GB'],
];
const KEYS = ['--stripe-key', 'sk_test_4242', '--sendgrid-key', 'SG.test'];

describe('init', () => {
  it('writes a file that only its owner may read, once', async () => {
    const { code, stderr } = await init('--mode', 'sandbox');
    expect(code, stderr).toBe(0);
    const file = join(cwd, 'donations.toml');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toMatch(/^mode = "sandbox"$/m);
    const again = await init('--mode', 'sandbox');
    expect(again.code).toBe(78);
    expect(again.stderr).toContain('is there already');
    // Before anything is asked.
    expect((await init('--mode', 'live')).code).toBe(78);
    expect((await init('--mode', 'sandbox', '--force')).code).toBe(0);
  });

  it('tests keys and sender against the services, and takes the mode from the key', async () => {
    const { code, stderr } = await init('--file', 'test.toml', ...KEYS, ...ORGANIZATION);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('Stripe takes the key.');
    expect(stderr).toContain('SendGrid takes the key, and mail from this sender.');
    const env = { DONATIONS_CONFIG: join(cwd, 'test.toml') };
    const { config } = loadConfig({ env, cwd });
    expect(config).toMatchObject({
      mode: 'test',
      organization: { address: ['1 Bank Street', 'Leeds'], timeZone: 'Europe/London' },
      receipts: { from: { email: 'gifts@river.example', name: 'River Trust' } },
    });
  });

  it('asks the database too, and writes nothing when an answer is not right', async () => {
    const url = ['--database-url', system.env.DATABASE_URL as string];
    const { code, stderr } = await init('--file', 'no.toml', ...url, ...KEYS, ...ORGANIZATION);
    expect(code).toBe(78);
    expect(stderr).toContain('this is a sandbox database, but the mode is test');
    const gone = ['--database-url', 'postgres://nobody@127.0.0.1:9/none'];
    const down = await init('--file', 'no.toml', '--mode', 'sandbox', ...gone);
    expect(down.code).toBe(69);
    expect(() => statSync(join(cwd, 'no.toml'))).toThrow();
    expect((await init('--file', 'yes.toml', '--mode', 'sandbox', ...url)).stderr).toMatch(
      /PostgreSQL \d+/,
    );
  });

  it('sends no key of the other mode to Stripe', async () => {
    const live = ['--mode', 'test', '--stripe-key', 'sk_live_4242', '--sendgrid-key', 'SG.test'];
    const { code, stderr } = await init('--file', 'no.toml', ...live, ...ORGANIZATION);
    expect(code).toBe(78);
    expect(stderr).toContain('this key is live, but the mode is test');
  });

  it('names everything that is missing at once, when nobody is there to be asked', async () => {
    const { code, stderr } = await init('--file', 'no.toml', '--mode', 'live', '--country', 'GB');
    expect(code).toBe(2);
    expect(stderr).toContain(
      'not given: --stripe-key --sendgrid-key --legal-name --address --tax-id --email --from-email --from-name',
    );
    expect((await init('--file', 'no.toml', '--mode', 'sandbox', ...KEYS)).code).toBe(2);
    expect((await init('--mode', 'test', '--file', 'no.toml', '--email', 'x')).code).toBe(2);
  });

  it('prints every setting', async () => {
    const { stdout } = await init('--print-sample');
    expect(stdout).toContain('# timeoutMs = 20000');
  });
});
