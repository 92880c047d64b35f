import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig, loadConnection } from '../../src/lib/config.ts';
import { DEFAULTS, environmentName, SETTINGS } from '../../src/lib/config-schema.ts';
import { UserError } from '../../src/lib/errors.ts';
import { GONE_AFTER_MS } from '../../src/lib/queue/run/workers.ts';
import { safeLine } from '../../src/lib/text.ts';

const root = mkdtempSync(join(tmpdir(), 'donations-config-'));
afterAll(() => rmSync(root, { recursive: true }));

let cwd: string;
let dataDir: string;
beforeEach(() => {
  cwd = mkdtempSync(join(root, 'cwd-'));
  dataDir = join(cwd, 'data');
  mkdirSync(dataDir);
});

const load = (env: NodeJS.ProcessEnv = {}) =>
  loadConfig({ env: { DONATIONS_DATA_DIR: dataDir, ...env }, cwd });

/** The error that these settings cause. */
function refusal(env: NodeJS.ProcessEnv): UserError {
  try {
    load(env);
  } catch (error) {
    if (error instanceof UserError && error.code === 'configuration') return error;
    throw error;
  }
  throw new Error('these settings were accepted');
}

const TEST_KEYS = { STRIPE_SECRET_KEY: 'sk_test_4242', SENDGRID_API_KEY: 'SG.test' };
const LIVE_KEYS = { STRIPE_SECRET_KEY: 'rk_live_4242', SENDGRID_API_KEY: 'SG.live' };
const ORGANIZATION = {
  DONATIONS_ORGANIZATION_LEGAL_NAME: 'River Trust',
  DONATIONS_ORGANIZATION_ADDRESS: '1 Bank Street | Leeds',
  DONATIONS_ORGANIZATION_TAX_ID: '77-0000000',
  DONATIONS_ORGANIZATION_EMAIL: 'gifts@river.example',
  DONATIONS_RECEIPTS_FROM_EMAIL: 'receipts@river.example',
  DONATIONS_RECEIPTS_FROM_NAME: 'River Trust',
};

describe('the mode', () => {
  it.each([
    ['no keys', {}, 'sandbox'],
    ['test keys', { ...TEST_KEYS, ...ORGANIZATION }, 'test'],
    ['live keys', { ...LIVE_KEYS, ...ORGANIZATION }, 'live'],
    ['test keys and the mode', { ...TEST_KEYS, ...ORGANIZATION, DONATIONS_MODE: 'test' }, 'test'],
  ])('is implied by the keys: %s', (_what, env, mode) => {
    expect(load(env).config.mode).toBe(mode);
  });

  it.each([
    ['sandbox with a Stripe key', { ...TEST_KEYS, DONATIONS_MODE: 'sandbox' }, /stripe.secretKey/],
    ['a SendGrid key alone', { SENDGRID_API_KEY: 'SG.test' }, /there is no Stripe key/],
    [
      'a Stripe key alone',
      { STRIPE_SECRET_KEY: 'sk_test_1' },
      /not set: sendgrid.apiKey, organization.legalName,/,
    ],
    ['live with test keys', { ...TEST_KEYS, DONATIONS_MODE: 'live' }, /is a test key/],
    ['test with live keys', { ...LIVE_KEYS, DONATIONS_MODE: 'test' }, /is a live key/],
    [
      'test without keys',
      { DONATIONS_MODE: 'test' },
      /not set: stripe.secretKey, sendgrid.apiKey,/,
    ],
    ['no such mode', { DONATIONS_MODE: 'prod' }, /not one of sandbox, test, live/],
  ])('refuses %s', (_what, env, message) => {
    expect(refusal(env).message).toMatch(message);
  });

  it('needs an organization outside the sandbox, and says all that is missing and how to set it', () => {
    const error = refusal(TEST_KEYS);
    for (const name of Object.keys(ORGANIZATION)) expect(error.hint).toContain(name);
    expect(error.message).toContain('organization.legalName, organization.address');
    const { DONATIONS_RECEIPTS_FROM_NAME: _, ...most } = ORGANIZATION;
    expect(refusal({ ...TEST_KEYS, ...most }).message).toMatch(
      /this setting is not set: receipts.from.name$/,
    );
  });

  it('needs nothing but the database for reading', () => {
    const env = { DONATIONS_MODE: 'live', DATABASE_URL: 'postgres://reader@db/gifts' };
    const connection = loadConnection({ env: { DONATIONS_DATA_DIR: dataDir, ...env }, cwd });
    expect(connection).toEqual({
      dataDir,
      databaseUrl: 'postgres://reader@db/gifts',
      queue: { readTimeoutMs: DEFAULTS['queue.readTimeoutMs'] },
      statedMode: 'live',
    });
    const wrong = { DATABASE_URL: 'mysql://db' };
    expect(() => loadConnection({ env: wrong, cwd })).toThrow(/not a Postgres URL/);
  });

  it('has a sample organization in the sandbox only', () => {
    const { config, sources } = load();
    expect(config.organization.legalName).not.toBe('');
    expect(sources['organization.legalName']).toBe('sandbox');
  });
});

describe('precedence', () => {
  it('is environment, file, default', () => {
    writeFileSync(
      join(cwd, 'donations.toml'),
      '[stripe]\ntimeoutMs = 1000\n[sendgrid]\ntimeoutMs = 2000\n',
    );
    const { config, sources } = load({ DONATIONS_STRIPE_TIMEOUT_MS: '3000' });
    expect(config.stripe.timeoutMs).toBe(3000);
    expect(sources['stripe.timeoutMs']).toBe('environment DONATIONS_STRIPE_TIMEOUT_MS');
    expect(config.sendgrid.timeoutMs).toBe(2000);
    expect(sources['sendgrid.timeoutMs']).toBe(`file ${join(cwd, 'donations.toml')}`);
    expect(config.worker.concurrency).toBe(DEFAULTS['worker.concurrency']);
    expect(sources['worker.concurrency']).toBe('default');
  });

  it('treats an empty variable as unset', () => {
    expect(load({ DATABASE_URL: '', STRIPE_SECRET_KEY: '' }).config.databaseUrl).toBeUndefined();
  });

  it('finds the file by name, else in the working directory, else in the data directory', () => {
    const write = (path: string, slots: number) =>
      writeFileSync(path, `[worker]\nconcurrency = ${slots}\n`);
    write(join(dataDir, 'donations.toml'), 1);
    expect(load().config.worker.concurrency).toBe(1);
    write(join(cwd, 'donations.toml'), 2);
    expect(load().config.worker.concurrency).toBe(2);
    write(join(cwd, 'other.toml'), 3);
    expect(load({ DONATIONS_CONFIG: 'other.toml' }).config.worker.concurrency).toBe(3);
  });

  it('gives every setting a variable of its own', () => {
    const names = SETTINGS.map(environmentName);
    expect(new Set(names).size).toBe(SETTINGS.length);
    for (const name of ['DATABASE_URL', 'DONATIONS_DATA_DIR', 'DONATIONS_MODE'])
      expect(names).toContain(name);
    for (const provider of ['STRIPE', 'SENDGRID']) expect(names).toContain(`${provider}_API_BASE`);
  });

  it('reads an address as lines, from either', () => {
    const address = ['1 Bank Street', 'Leeds'];
    expect(load(ORGANIZATION).config.organization.address).toEqual(address);
    writeFileSync(
      join(cwd, 'donations.toml'),
      '[organization]\naddress = ["1 Bank Street", "Leeds"]',
    );
    expect(load().config.organization.address).toEqual(address);
  });
});

it('limits the heartbeat interval to less than the time after which a worker is gone', () => {
  expect(load({ DONATIONS_WORKER_HEARTBEAT_MS: '2000' }).config.worker.heartbeatMs).toBeLessThan(
    GONE_AFTER_MS,
  );
});

describe('mistakes', () => {
  it.each([
    ['[stripe]\ntimeoutMS = 5', 'there is no setting stripe.timeoutMS', 'stripe.timeoutMs'],
    ['[organisation]\nlegalName = "x"', 'organisation.legalName', 'organization.legalName'],
    ['timeZone = "UTC"', 'timeZone', 'organization.timeZone'],
  ])('%j: names the unknown setting and the closest known one', (toml, message, hint) => {
    writeFileSync(join(cwd, 'donations.toml'), toml);
    const error = refusal({});
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
  });

  it.each([
    [{ DONATIONS_WORKER_CONCURRENCY: 'many' }, /^worker.concurrency: "many".*CONCURRENCY\)$/],
    [{ DONATIONS_WORKER_CONCURRENCY: '0' }, /is below 1/],
    [{ DONATIONS_WORKER_HEARTBEAT_MS: '3000' }, /is above 2000/],
    [{ DATABASE_DIRECT_URL: 'mysql://here/gifts' }, /databaseDirectUrl.*is not a Postgres URL/],
    [{ DONATIONS_STRIPE_TIMEOUT_MS: '-1' }, /stripe.timeoutMs/],
    [{ STRIPE_API_BASE: 'ftp://example.org' }, /is not an http\(s\) URL/],
    [{ DONATIONS_ORGANIZATION_TIME_ZONE: 'Mars/Base' }, /is not a time zone/],
    [{ DONATIONS_ORGANIZATION_LOCALE: 'no_such' }, /is not a locale/],
    [{ DONATIONS_RECEIPTS_WHEN_UNKNOWN: 'guess' }, /neither hold nor resend/],
    [{ DONATIONS_RECEIPTS_FROM_EMAIL: 'nobody' }, /is not an e-mail address/],
    // Node's timers take at most 2^31 ms, and turn more into 1 ms.
    [{ DONATIONS_STRIPE_TIMEOUT_MS: '2147483648' }, /stripe.timeoutMs: .*is above 600000/],
    [{ DONATIONS_SENDGRID_TIMEOUT_MS: '1e999' }, /not a whole number/],
    [{ DONATIONS_QUEUE_READ_TIMEOUT_MS: '9'.repeat(400) }, /not a whole number/],
    [{ DONATIONS_WORKER_HEARTBEAT_MS: '60000' }, /worker.heartbeatMs: .*is above 2000/],
    [{ DONATIONS_WORKER_CONCURRENCY: '0x10' }, /not a whole number/],
    [{ DONATIONS_LEDGER_RETENTION_DAYS: '36501' }, /is above 36500/],
    [{ DONATIONS_ORGANIZATION_LEGAL_NAME: 'x'.repeat(501) }, /longer than 500/],
    [{ DONATIONS_ORGANIZATION_LEGAL_NAME: 'River\u202e' }, /controls a terminal/],
    [{ DONATIONS_ORGANIZATION_LEGAL_NAME: '\u2800' }, /no visible characters/],
    [{ DONATIONS_ORGANIZATION_ADDRESS: 'a|'.repeat(11) }, /list of up to 10 lines/],
    [{ DATABASE_URL: 'postgres://me:hun#ter2@db/gifts' }, /write %23 for #/],
  ])('%j: names the setting and the source of its value', (env, message) => {
    expect(refusal(env).message).toMatch(message);
  });

  it('never shows an invalid secret', () => {
    for (const env of [
      { STRIPE_SECRET_KEY: 'pk_hunter2', SENDGRID_API_KEY: 'SG.x' },
      { STRIPE_SECRET_KEY: 'sk_test_1', SENDGRID_API_KEY: 'hunter2' },
      { DATABASE_URL: 'mysql://me:hunter2@host/db' },
      { DATABASE_URL: 'postgres://me:12/hunter2@host/db' },
      { STRIPE_API_BASE: 'ftp://me:hunter2@proxy.example/' },
    ]) {
      const { message, hint } = refusal(env);
      expect(`${message} ${hint}`).not.toContain('hunter2');
    }
  });

  it('says where a file is not TOML', () => {
    writeFileSync(join(cwd, 'donations.toml'), 'mode = \n');
    expect(refusal({}).message).toMatch(/donations\.toml:1:\d+: /);
  });

  it.each([
    ['a directory', (path: string) => mkdirSync(path), /is not a file/],
    ['too large', (path: string) => writeFileSync(path, `a = "${'x'.repeat(1_000_001)}"`), /1 MB/],
    ['no UTF-8', (path: string) => writeFileSync(path, Buffer.from([0x61, 0xff])), /not UTF-8/],
    ['nested', (path: string) => writeFileSync(path, `a = ${'['.repeat(200_000)}`), /toml/],
    ['tables', (path: string) => writeFileSync(path, `[${'a.'.repeat(60_000)}a]\nb=1`), /toml/],
    [
      'a long name that is none',
      (path: string) => writeFileSync(path, `"${'x'.repeat(100_000)}\\u0000" = 1`),
      /there is no setting x+…$/,
    ],
    [
      'a number too large',
      (path: string) => writeFileSync(path, `mode = ${'9'.repeat(99)}`),
      /toml/,
    ],
    [
      'a date',
      (path: string) => writeFileSync(path, '[worker]\nconcurrency = 2026-01-01'),
      /whole/,
    ],
    [
      'a truth',
      (path: string) => writeFileSync(path, '[stripe]\ntimeoutMs = true'),
      /whole number/,
    ],
    ['a list', (path: string) => writeFileSync(path, '[stripe]\ntimeoutMs = [5]'), /whole number/],
    [
      'a NUL',
      (path: string) => writeFileSync(path, '[receipts]\ntemplatesDir = "/tmp/a\\u0000b"'),
      /NUL/,
    ],
    [
      'nothing',
      (path: string) => writeFileSync(path, '[receipts]\ntemplatesDir = 5'),
      /not a path/,
    ],
    [
      'control characters',
      (path: string) => writeFileSync(path, '[organization]\nlegalName = "a\\u001b[31m"'),
      /controls a terminal/,
    ],
    ['prototypes', (path: string) => writeFileSync(path, '[__proto__]\na = 1'), /no setting|toml/],
  ])('reads a hostile file in one line: %s', (_what, write, message) => {
    write(join(cwd, 'donations.toml'));
    const error = refusal({});
    expect(error.message).toMatch(message);
    expect(error.message.length).toBeLessThan(400);
    expect(safeLine(error.message)).toBe(error.message);
  });

  it('fails when the named file does not exist', () => {
    expect(refusal({ DONATIONS_CONFIG: 'nowhere.toml' }).message).toMatch(/does not exist/);
  });
});
