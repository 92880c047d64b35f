import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { shownId } from '../../src/lib/ids.ts';
import { type CliResult, runCli } from '../support/cli.ts';
import { allCommands, fieldNames } from '../support/commands.ts';
import { donateNow } from '../support/donate.ts';
import { addJob } from '../support/jobs.ts';
import { MONITOR_PARTS } from '../support/json-fields.ts';
import { rowsSchema, schemaOf } from '../support/json-schema.ts';
import { gift, type System, startSystem } from '../support/system.ts';

const LAUNCHER = new URL('../../bin/donations', import.meta.url).pathname;

let system: System;
/** Of a machine without a database or settings of its own. */
let alone: NodeJS.ProcessEnv;
let folder: string;
/** What the commands speak of. */
const at: Record<string, string> = {};
const checked = new Set<string>();

const cli = (args: string[], env = system.env): Promise<CliResult> =>
  runCli(args, { env: { ...env, DONATIONS_ACTOR: 'grace' }, cwd: folder });

/** Runs a command with --json, and holds what it writes against the schema of the command. */
async function check(
  command: string,
  args: string[] = [],
  { env, code = 0 }: { env?: NodeJS.ProcessEnv; code?: number } = {},
) {
  const ended = await cli([...command.split(' '), ...args, '--json'], env);
  expect(ended.code, `${command}: ${ended.stderr}`).toBe(code);
  const option = ['--dry-run', '--open', '--daily'].find((each) => args.includes(each));
  const name = option ? `${command} ${option}` : command;
  const variant = option === '--open' ? [option, 'x'] : option ? [option] : [];
  const value = JSON.parse(ended.stdout);
  const { error } = schemaOf(name, await fieldNames(command, variant)).safeParse(value);
  expect(error?.issues ?? [], `${name}: ${ended.stdout.slice(0, 2000)}`).toEqual([]);
  checked.add(command);
  return value;
}

beforeAll(async () => {
  system = await startSystem();
  folder = mkdtempSync(join(tmpdir(), 'donations-json-'));
  await chmod(folder, 0o755);
  alone = { PATH: process.env.PATH, HOME: folder, DONATIONS_DATA_DIR: folder };
  const { db, deps, sandbox } = system;
  await sandbox.setFaults('sendgrid', { path: 'POST', timeouts: true, count: 1 });
  at.held = (await donateNow(deps, gift())).id;
  await cli(['worker', 'start', '--once']);
  at.sent = (await donateNow(deps, gift({ name: 'Grace Hopper', email: 'grace@example.org' }))).id;
  await donateNow(deps, gift({ name: 'Grace Hopper', email: 'grace@example.org' }));
  await donateNow(deps, gift({ paymentMethod: 'pm_card_chargeDeclined' }));
  await cli(['worker', 'start', '--once']);
  at.failed = await addJob(db, { state: 'failed', payload: { donation_id: at.sent } });
  await addJob(db, { state: 'retrying', payload: { donation_id: at.sent } });
  await addJob(db, { state: 'running', ageMs: 7_200_000, lockedBy: 'dead' });
});
afterAll(async () => {
  await cli(['stop'], alone);
  await system.close();
  rmSync(folder, { recursive: true, force: true });
});

it('donations, donors and receipts', async () => {
  const { id, donation } = await check('donate', [
    ...['--amount', '50', '--currency', 'usd', '--email', 'ada@example.org'],
    ...['--name', 'Ada', '--payment-method', 'pm_card_visa'],
  ]);
  expect(id).toBe(donation);
  await check('list');
  const story = await check('show', [at.held as string]);
  at.job = story.jobs[0].job;
  const [donor] = await check('donors list', ['hopper']);
  expect(donor.donor).toEqual({
    id: expect.any(String),
    name: 'Grace Hopper',
    email: 'grace@example.org',
  });
  await check('donors show', [donor.donor.id]);
  const year = String(new Date().getFullYear());
  await check('statements list', ['--year', year]);
  await check('statements preview', [donor.donor.id, '--year', year]);
  await check('statements send', ['--year', year, '--dry-run']);
  await check('receipts list');
  const { attempts: _, history } = await check('receipts show', [at.held as string]);
  expect(history).toHaveLength(1);
  await check('receipts preview', [at.sent as string]);
  await check('receipts missing');
  await check('receipts resend', [at.sent as string]);
  await check('receipts resolve', [at.held as string, '--sent']);
  const paper = [at.held as string, '--again', '--out', join(folder, 'paper.pdf')];
  await check('receipts print', [...paper, '--dry-run']);
  expect(await check('receipts print', [...paper, '--yes'])).toMatchObject({ changed: 1 });
  await check('receipts void', [at.held as string, '--reason', 'x']);
  await check('receipts issue', [at.held as string, '--no-mail']);
  await check('receipts reissue', [at.held as string, '--reason', 'x', '--no-mail']);
  await check('receipts replay', ['--failed', '--dry-run']);
  await check('receipts replay', ['--failed']);
  await check('donors fix-email', ['ada@example.org', 'ada@new.example']);
  const asked = await cli([
    'donors',
    'fix-email',
    'ada@new.example',
    'a@b.org',
    '--replay',
    '--json',
  ]);
  expect(asked).toMatchObject({ code: 2, stdout: '' });
  const back = ['ada@new.example', 'ada@example.org'];
  const { replay } = await check('donors fix-email', [...back, '--replay', '--yes']);
  expect(replay).toMatchObject({ changed: 0, planned: 0 });
  const events = join(folder, 'events.json');
  writeFileSync(events, '[]');
  await check('receipts evidence import', [events]);
});

it('Gift Aid, in the United Kingdom', async () => {
  const uk = await startSystem({
    DONATIONS_ORGANIZATION_COUNTRY: 'GB',
    DONATIONS_ORGANIZATION_LOCALE: 'en-GB',
  });
  try {
    await donateNow(uk.deps, gift());
    const home = ['--address', '1 High Street', '--postcode', 'LS1 1AA'];
    const declare = ['ada@example.org', '--how', 'online', ...home];
    await check('donors gift-aid declare', declare, { env: uk.env });
    await check('donors gift-aid show', ['ada@example.org'], { env: uk.env });
    await check('donors gift-aid withdraw', ['ada@example.org'], { env: uk.env });
  } finally {
    await uk.close();
  }
});

it('the queue', async () => {
  const [first] = await check('jobs list', ['--failed']);
  expect(first).toMatchObject({
    job: at.failed,
    status: 'failed',
    attempts: 1,
    last_error: 'it broke',
    donor: { name: 'Grace Hopper', email: 'grace@example.org' },
  });
  await check('jobs show', [at.failed as string]);
  await check('jobs errors');
  await check('jobs stats');
  await check('jobs policy');
  await check('jobs pause', ['send_receipt', '--reason', 'x', '--for', '1h']);
  await check('jobs stats');
  await check('jobs show', [at.failed as string]);
  await check('jobs resume', ['send_receipt']);
  await check('jobs rescue', ['--locked-longer-than', '1h', '--dry-run']);
  await check('jobs rescue', ['--locked-longer-than', '1h', '--yes']);
  await check('jobs retry', ['--failed', '--dry-run']);
  const { audit } = await check('jobs retry', ['--failed', '--spread', '1h', '--yes']);
  await check('jobs recall', [audit, '--yes']);
  await check('jobs reschedule', ['--retrying', '--in', '1h', '--yes']);
  const discarded = await check('jobs discard', [at.failed as string, '--yes']);
  await check('jobs show', [at.failed as string]);
  await check('audit show', [discarded.audit]);
  await check('jobs restore', [discarded.audit]);
  await check('audit list');
  await check('worker list');
  await cli(['alerts', 'check']);
  await cli(['alerts', 'silence', '--task', 'tokenize_card', '--for', '1h']);
  const all = JSON.parse((await cli(['monitor', '--json'])).stdout);
  const { error } = schemaOf('monitor', Object.keys(all)).safeParse(all);
  expect(error?.issues ?? []).toEqual([]);
  for (const [part, names] of Object.entries(MONITOR_PARTS)) {
    const [name = '', list = 'rows'] = part.split(' ');
    const rows = all[name].value[list] ?? all[name].value;
    expect(rows.length).toBeGreaterThan(0);
    expect(rowsSchema(names).safeParse(rows).error?.issues ?? [], part).toEqual([]);
  }
});

it('health and alerts', async () => {
  await check('health', [], { code: (await cli(['health'])).code as number });
  await check('report', ['--daily']);
  await check('report', ['--from', '1h']);
  await check('cron list');
  await check('logs');
  await check('alerts rules');
  await check('alerts check');
  const [incident] = await check('alerts list');
  await check('alerts ack', [incident.incident]);
  await check('alerts show', [incident.incident]);
  await check('alerts silence', ['--task', 'send_receipt', '--for', '1h']);
  await check('alerts test', ['log']);
  const { code } = await cli(['doctor']);
  await check('doctor', [], { code: code as number });
});

it('imports', async () => {
  const file = join(folder, 'gifts.csv');
  writeFileSync(file, (await cli(['import', 'template'])).stdout);
  const map = join(folder, 'map.json');
  writeFileSync(map, '{"columns": {"Wann": "gift_date", "Wieviel": "amount"}}');
  const columns = await check('import template');
  expect(columns[0]).toMatchObject({ field: 'amount', examples: ['250.00', '1000.00'] });
  await check('import check', [file]);
  await check('import offline', [file, '--dry-run'], {});
  const { batch } = await check('import offline', [file, '--yes']);
  writeFileSync(
    file.replace('gifts', 'bad'),
    'gift_date,amount,currency,method,donor_name\n2026-11-02,ten,usd,check,Ada\n',
  );
  const wrong = await cli([
    'import',
    'offline',
    file.replace('gifts', 'bad'),
    '--dry-run',
    '--json',
  ]);
  const { batch: bad } = JSON.parse(wrong.stdout);
  await check('import list');
  const rejects = await check('import rejects', [bad]);
  expect(rejects).toEqual([
    { line: 2, reasons: expect.any(Array), cells: expect.objectContaining({ amount: 'ten' }) },
  ]);
  await check('import show', [shownId(batch)]);
  await check('import diff', [file]);
  await check('import resume', [batch, '--yes']);
  await check('import undo', [shownId(batch), '--dry-run']);
  await check('import undo', [batch, '--yes']);
  await check('import map save', ['kasse', map]);
  await check('import map list');
  await check('offline add', [
    '--amount',
    '5',
    '--currency',
    'usd',
    '--method',
    'cash',
    '--name',
    'Bo',
  ]);
  await check('offline list');
  await check('offline push');
  await check('offline push');
});

it('set-up', async () => {
  await check('organization show');
  await check('organization update');
  await check('config show');
  await check('init', ['--print-sample']);
  await check('init', ['--mode', 'sandbox', '--file', join(folder, 'settings.toml')], {
    env: alone,
  });
  await check('db status');
  await check('db url');
  await check('db migrate', ['--dry-run']);
  await check('db migrate');
  await check('db grant-readonly', ['reporting', '--print']);
  await check('help', ['exit-codes']);
});

it('the embedded database and the doubles', async () => {
  const env = alone;
  await check('sandbox start', [], { env });
  await check('sandbox status', [], { env });
  await check('sandbox webhooks', [], { env });
  await check('sandbox fault', ['stripe', '--unavailable', '60s'], { env });
  await check('sandbox fault', ['--release'], { env });
  await check('sandbox status', [], { env });
  await check('sandbox fault', ['--clear'], { env });
  await check('db start', [], { env });
  const donation = await check(
    'donate',
    [
      ...['--amount', '50', '--currency', 'usd', '--email', 'ada@example.org'],
      ...['--name', 'Ada', '--payment-method', 'pm_card_visa'],
    ],
    { env },
  );
  await cli(['worker', 'start', '--once'], env);
  const [mail] = await check('sandbox inbox', [], { env });
  await check('sandbox inbox', ['--open', mail.mail], { env });
  await check('sandbox refund', [donation.payment_intent], { env });
  await check('sandbox reset', [], { env });
  await check('db reset', ['--yes'], { env });
  await check('db stop', [], { env });
  await check('sandbox stop', [], { env });
  await check('stop', [], { env });
}, 180_000);

/** Holds the two lines of a command that runs until it is stopped against its schema. */
async function checkLife(command: string, args: string[]) {
  const child = spawn(process.execPath, [LAUNCHER, ...command.split(' '), ...args, '--json'], {
    env: system.env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const schema = schemaOf(command, await fieldNames(command));
  const lives = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lives.push(JSON.parse(line));
    child.kill('SIGTERM');
  }
  for (const life of lives)
    expect(schema.safeParse(life).error?.issues ?? [], JSON.stringify(life)).toEqual([]);
  expect(lives.map(({ status }) => status)).toEqual(['running', 'stopped']);
  checked.add(command);
  return lives;
}

it('what runs until it is stopped says so when it starts and when it ends', async () => {
  await cli(['worker', 'start', '--once']);
  await donateNow(system.deps, gift());
  const { stdout } = await cli(['worker', 'start', '--once', '--json=status,attempts,succeeded']);
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual([
    { status: 'running', attempts: 0, succeeded: 0 },
    { status: 'stopped', attempts: 2, succeeded: 2 },
  ]);
  const [worker] = await checkLife('worker start', ['--metrics-port', '0']);
  expect(worker.metrics_url).toMatch(/^http:.*\/metrics$/);
  await checkLife('webhooks listen', ['--port', '0']);
  const folder = mkdtempSync(join(tmpdir(), 'donations-doubles-'));
  await checkLife('sandbox serve', ['--data-dir', folder]);
  rmSync(folder, { recursive: true });
});

it('the demo, and a script for a shell', async () => {
  const result = await check('demo', ['--count', '3', '--exit'], { env: alone });
  expect(result).toMatchObject({ gift_count: 3, pending: 0, charged_twice: [] });
  expect(result.charged + result.declined).toBe(3);
  await cli(['stop'], alone);
  const { script } = await check('completion', ['bash']);
  expect(`${script}\n`).toBe((await cli(['completion', 'bash'])).stdout);
  expect((await cli(['help', 'jobs', '--json'])).code).toBe(2);
});

it('no command is left out', async () => {
  const names = (await allCommands()).map(({ words }) => words.join(' '));
  // The monitor is checked with its parts; two commands are for our own scripts.
  const others = ['monitor', '__complete', '__manual'];
  expect(names.filter((name) => !checked.has(name) && !others.includes(name))).toEqual([]);
});
