import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Queryable } from '../../src/lib/db/database.ts';
import { recordDispute, recordRefund } from '../../src/lib/donations/refund.ts';
import { runCli } from '../support/cli.ts';
import { addDonation, addDonor } from '../support/records.ts';
import { type System, startSystem, type TestWorker } from '../support/system.ts';

const ROOT = new URL('../../', import.meta.url).pathname;

let system: System;
let worker: TestWorker | undefined;
let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'donations-statements-'));
});
beforeEach(async () => {
  system = await startSystem({ DONATIONS_ACTOR: 'grace' });
});
afterEach(async () => {
  await worker?.stop();
  worker = undefined;
  await system.close();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const cli = (...args: string[]) => runCli(args, { env: system.env });
const json = async (...args: string[]) => JSON.parse((await cli(...args, '--json')).stdout);
const list = (...args: string[]) => json('statements', 'list', '--year', '2026', ...args);
const send = (...args: string[]) => json('statements', 'send', '--year', '2026', ...args);

/** Runs a worker until nothing waits to be sent. */
async function deliver(env: NodeJS.ProcessEnv = {}): Promise<void> {
  worker ??= system.startWorker({ env });
  await worker.until(async () => {
    const { rows } = await system.db.query(
      `select 1 from donations.receipt_deliveries where status in ('pending', 'sending') limit 1`,
    );
    return rows.length === 0;
  });
}

async function loseDispute(tx: Queryable, donation: string): Promise<void> {
  const news = { id: 'dp_lost', paymentIntentId: `pi_${donation}`, amountMinor: 5000n } as const;
  expect(await recordDispute(tx, { ...news, status: 'lost' })).toBe(donation);
}

/** All mails with their bodies. */
async function inbox() {
  const mails = await system.sandbox.inbox();
  return Promise.all(mails.map(async ({ id, subject }) => ({ subject, message: await body(id) })));
}
async function body(id: string) {
  const { message } = await system.sandbox.message(id);
  return message as unknown as {
    content: { type: string; value: string }[];
    attachments?: { filename: string; type: string; content: string }[];
  };
}
const hasPoppler = spawnSync('pdftotext', ['-v']).error === undefined;
const textOf = (file: string) => execFileSync('pdftotext', ['-layout', file, '-']).toString();

describe('statements send', () => {
  it('mails each donor one statement with all gifts of the year, net of refunds, and a PDF', async () => {
    const ada = await addDonor(system.db, 'Ada Lovelace');
    const part = await addDonation(system.db, { donor: ada, amount: '5000', fund: 'Clean Water' });
    await addDonation(system.db, { donor: ada, amount: '2500', fund: 'Scholarships' });
    await addDonation(system.db, { donor: ada, amount: '900', currency: 'eur' });
    await addDonation(system.db, { donor: ada, status: 'failed' });
    await system.db.transaction((tx) => recordRefund(tx, part, 1000n, 'a test'));
    await addDonation(system.db, { donor: await addDonor(system.db, 'Olga') });

    const plan = await send('--dry-run');
    expect(plan).toMatchObject({ count: 2, gift_count: 4, effects: ['2 e-mails'] });
    expect(await inbox()).toEqual([]);
    expect(await send('--yes')).toMatchObject({ changed: 2 });
    await deliver();

    const mails = await inbox();
    expect(mails.map(({ subject }) => subject.replace(/\d{6}/, 'N')).sort()).toEqual([
      '[SANDBOX] Your gifts to Harbor Lights Foundation in 2026: statement S2026-N',
      '[SANDBOX] Your gifts to Harbor Lights Foundation in 2026: statement S2026-N',
    ]);
    const mail = mails.find(({ message }) =>
      message.content.some(({ value }) => value.includes('Dear Ada Lovelace')),
    );
    const text = mail?.message.content[0]?.value as string;
    expect(text).toMatch(/November 23, 2026 {3}\$40\.00 USD {3}Clean Water/);
    expect(text).toContain('$25.00 USD   Scholarships');
    expect(text).toContain('€9.00 EUR');
    expect(text).toMatch(/Total +\$65\.00 USD/);
    expect(text).toMatch(/Total +€9\.00 EUR/);
    expect(text).toContain('Amounts that were returned to you are deducted.');
    const [attached] = mail?.message.attachments ?? [];
    expect(attached).toMatchObject({ type: 'application/pdf' });
    expect(attached?.filename).toMatch(/^statement-S2026-00000\d\.pdf$/);
    if (hasPoppler) {
      const file = join(dir, 'statement.pdf');
      writeFileSync(file, Buffer.from(attached?.content as string, 'base64'));
      expect(textOf(file)).toMatch(/Total +\$65\.00 USD/);
    }
    expect(await list()).toMatchObject([
      { donor: { name: 'Ada Lovelace' }, gift_count: 3, status: 'accepted', reason: null },
      { donor: { name: 'Olga' }, gift_count: 1, status: 'accepted', reason: null },
    ]);
    expect(await list('--unsent')).toEqual([]);
  });

  it('sends none twice, however often and by how many it is run', async () => {
    for (let i = 0; i < 30; i++) await addDonation(system.db);
    expect(await send('--limit', '7', '--yes')).toMatchObject({ changed: 7 });
    const runs = await Promise.all(
      [1, 2, 3].map(() => cli('statements', 'send', '--year', '2026', '--yes')),
    );
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0]);
    const again = await send('--yes');
    expect(again).toMatchObject({
      changed: 0,
      skipped: [{ reason: 'the statement was issued already', count: 30 }],
    });
    await deliver();
    const mails = await inbox();
    expect(mails).toHaveLength(30);
    const { rows } = await system.db.query<{ label: string }>(
      `select label from donations.receipts where kind = 'annual' order by number`,
    );
    expect(rows.map(({ label }) => label)).toEqual(
      Array.from({ length: 30 }, (_, i) => `S2026-${String(i + 1).padStart(6, '0')}`),
    );
  });

  it('is finished by the same command when it was killed', async () => {
    const gifts = 1200;
    await system.db.query(
      `with made as (
         insert into donations.donors (id, name)
         select 'dnr_' || lpad(i::text, 26, '0'), 'Donor ' || i from generate_series(1, $1::int) i returning id
       ), reached as (
         insert into donations.donor_emails (donor_id, email, is_primary) select id, id || '@example.org', true from made
       )
       insert into donations.donations (id, donor_id, amount_minor, currency, method, status, gift_on, received_on, settled_at)
       select replace(id, 'dnr', 'don'), id, 5000, 'usd', 'check', 'succeeded', '2026-03-01', '2026-03-01', now() from made`,
      [gifts],
    );
    const issued = async () =>
      (
        await system.db.query<{ n: number }>(
          `select count(*)::int as n from donations.receipts where kind = 'annual'`,
        )
      ).rows[0]?.n ?? 0;
    const child = spawn(
      process.execPath,
      [join(ROOT, 'bin/donations'), 'statements', 'send', '--year', '2026', '--yes'],
      { env: system.env, stdio: 'ignore' },
    );
    const ended = new Promise((resolve) => child.once('exit', resolve));
    while ((await issued()) === 0 && child.exitCode === null);
    child.kill('SIGKILL');
    await ended;
    const before = await issued();
    expect(before % 500).toBe(0);
    expect(before).toBeLessThan(gifts);
    expect(await send('--yes')).toMatchObject({ changed: gifts - before });
    const { rows } = await system.db.query(
      `select count(distinct r.donor_id)::int as donors, count(*)::int as deliveries,
         count(distinct j.id)::int as jobs, max(r.number)::int as last
       from donations.receipts r join donations.receipt_deliveries d on d.receipt_id = r.id
       join graphile_worker.jobs j on j.key = 'send:' || d.id where r.kind = 'annual'`,
    );
    expect(rows).toEqual([{ donors: gifts, deliveries: gifts, jobs: gifts, last: gifts }]);
  });

  it('lists who gets none, each with the reason', async () => {
    const [noMail, optedOut, bounced, fund] = [
      await addDonor(system.db, 'Charles'),
      await addDonor(system.db, 'Edith'),
      await addDonor(system.db, 'Grace'),
      await addDonor(system.db, 'Hedy'),
    ];
    for (const donor of [noMail, optedOut, bounced, fund]) await addDonation(system.db, { donor });
    await system.db.query('delete from donations.donor_emails where donor_id = $1', [noMail]);
    await system.db.query('update donations.donors set may_be_mailed = false where id = $1', [
      optedOut,
    ]);
    await system.db.query(
      `insert into donations.address_problems (email, problem, at) values ($1, 'bounced', '2026-11-01')`,
      [`${bounced}@example.org`],
    );
    await system.db.query(`update donations.donations set method = 'daf' where donor_id = $1`, [
      fund,
    ]);
    expect(await list('--unsent')).toMatchObject([
      { donor: { name: 'Charles' }, number: null, reason: 'the donor has no e-mail address' },
      { donor: { name: 'Edith' }, number: null, reason: 'the donor does not want mail' },
      {
        donor: { name: 'Grace' },
        number: null,
        reason: 'mail to the address bounced on 2026-11-01',
      },
    ]);
    expect((await send('--dry-run')).skipped).toHaveLength(3);
    expect(await send('--yes')).toMatchObject({ changed: 0 });
    // They are printed.
    expect(await send('--paper', '--yes')).toMatchObject({ changed: 3 });
    expect(await send('--paper', '--yes')).toMatchObject({ changed: 0 });
    const file = join(dir, 'statements.pdf');
    const printed = await cli('receipts', 'print', '--pending', '-o', file, '--yes');
    expect(printed.stdout).toContain('Printed 3 receipts');
    if (hasPoppler) expect(textOf(file)).toMatch(/Statement of gifts in 2026[\s\S]+Charles/);
    expect(await list('--unsent')).toEqual([]);
  });

  it('is held when its outcome is unknown, and resolved like a receipt', async () => {
    const donor = await addDonor(system.db);
    await addDonation(system.db, { donor });
    await system.sandbox.setFaults('sendgrid', { timeouts: 1, path: '/v3/mail/send' });
    await send('--donor', donor, '--yes');
    await deliver();
    const [held] = await list();
    expect(held).toMatchObject({ status: 'held' });
    await system.sandbox.clearFaults();
    expect((await cli('receipts', 'resolve', held.number, '--sent')).code).toBe(0);
    expect(await list()).toMatchObject([{ status: 'accepted', reason: null }]);
  });

  it('says that the gifts have changed since, and is issued anew on request', async () => {
    const donor = await addDonor(system.db);
    const gift = await addDonation(system.db, { donor });
    await send('--yes');
    await deliver();
    await addDonation(system.db, { donor, amount: '700' });
    const [listed] = await list('--unsent');
    expect(listed.reason).toBe(
      'the gifts have changed since: donations receipts reissue S2026-000001',
    );
    const reissued = await cli('receipts', 'reissue', 'S2026-1', '--reason', 'a late gift');
    expect(reissued.stdout).toMatch(/^Receipt S2026-000002 replaces S2026-000001 and is sent/);
    await deliver();
    expect(await list()).toMatchObject([{ number: 'S2026-000002', gift_count: 2, reason: null }]);
    const text = (await cli('statements', 'preview', donor, '--year', '2026')).stdout;
    expect(text).toContain('This statement cancels and replaces statement S2026-000001.');
    // The receipt of a gift and its statement are two things.
    expect((await cli('receipts', 'issue', gift, '--no-mail')).code).toBe(0);
    expect((await cli('receipts', 'show', gift)).stdout).not.toContain('S2026');
    await cli('receipts', 'void', 'S2026-2', '--reason', 'wrong');
    expect(await send('--dry-run')).toMatchObject({
      count: 0,
      skipped: [{ reason: 'the statement is void: donations receipts reissue', count: 1 }],
    });
  });

  it.each([
    ['in full', 5000n, 'was returned'],
    ['in part', 1000n, 'was returned'],
    ['by a lost dispute', 0n, 'was lost in a dispute'],
  ])('is not sent when one of its gifts is given back %s before', async (_how, minor, what) => {
    const [ada, olga] = [await addDonor(system.db, 'Ada'), await addDonor(system.db, 'Olga')];
    const gift = await addDonation(system.db, { donor: ada });
    await addDonation(system.db, { donor: ada, amount: '700' });
    await addDonation(system.db, { donor: olga });
    await send('--yes');
    await system.db.transaction(async (tx) => {
      if (minor > 0n) await recordRefund(tx, gift, minor, 'a test');
      else await loseDispute(tx, gift);
    });
    await deliver();
    expect((await inbox()).map(({ message }) => message.content[0]?.value)).toEqual([
      expect.stringContaining('Dear Olga'),
    ]);
    const [listed, ...others] = await list('--unsent');
    expect(others).toEqual([]);
    expect(listed).toMatchObject({
      status: 'void',
      reason: `it is void (gift ${gift} ${what} before the statement was sent): donations receipts reissue ${listed.number}`,
    });
    const reissued = await cli('receipts', 'reissue', listed.number, '--reason', 'a refund');
    expect(reissued.code).toBe(0);
    await deliver();
    expect(await inbox()).toHaveLength(2);
    expect(await list('--unsent')).toEqual([]);
  });

  it('leaves out gifts that have an official receipt in Canada', async () => {
    const donor = await addDonor(system.db);
    await system.db.query(
      `update donations.donors set address_lines = array['1 Main St'], city = 'Halifax' where id = $1`,
      [donor],
    );
    const env = {
      ...system.env,
      DONATIONS_ORGANIZATION_COUNTRY: 'CA',
      DONATIONS_RECEIPTS_PLACE_ISSUED: 'Halifax',
      DONATIONS_RECEIPTS_SIGNATORY: 'Grace Hopper',
    };
    expect((await runCli(['organization', 'update'], { env })).code).toBe(0);
    const official = await addDonation(system.db, { donor, currency: 'cad' });
    await addDonation(system.db, { donor, currency: 'usd' });
    await cli('receipts', 'issue', official, '--no-mail');
    expect(await list()).toMatchObject([{ gift_count: 1 }]);
    const text = (await cli('statements', 'preview', donor, '--year', '2026')).stdout;
    expect(text).toContain('This is not an official receipt for income tax purposes.');
    expect(text).not.toContain('CAD');
  });
});

describe('receipts print', () => {
  async function unmailable(name: string): Promise<string> {
    const donor = await addDonor(system.db, name);
    await system.db.query('delete from donations.donor_emails where donor_id = $1', [donor]);
    const id = await addDonation(system.db, { donor });
    await cli('receipts', 'issue', id, '--no-mail');
    return id;
  }

  it('prints receipts of donors who cannot be mailed, once', async () => {
    await unmailable('Ольга Жукова');
    const second = await unmailable('Ada Lovelace');
    const mailed = await addDonation(system.db);
    await cli('receipts', 'issue', mailed, '--no-mail');
    const file = join(dir, 'receipts.pdf');
    const print = (...args: string[]) => cli('receipts', 'print', ...args);

    expect((await print('--pending', '-o', file, '--dry-run')).stdout).toContain(
      'Print 2 receipts',
    );
    expect((await print('--pending', '-o', file)).code).toBe(4);
    expect(existsSync(file)).toBe(false);
    const done = await print('--pending', '-o', file, '--yes');
    expect(done.stdout).toBe(`Printed 2 receipts into ${file}.\n`);
    if (hasPoppler) {
      const pages = textOf(file).split('\f');
      expect(pages[0]).toContain('Ольга Жукова');
      expect(pages[1]).toContain('Ada Lovelace');
      expect(pages).toHaveLength(3);
    }
    const bytes = readFileSync(file);
    const again = await print('--pending', '-o', file, '--yes');
    expect(again.stderr).toMatch(
      /Nothing to print[\s\S]*2: it was printed on \d{4}-\d\d-\d\d \(printed by grace into receipts\.pdf\): --again prints a copy/,
    );
    expect(again.code).toBe(0);
    expect(readFileSync(file)).toEqual(bytes);
    // It counts as delivered.
    const missing = await json('receipts', 'missing');
    expect(missing.map(({ donation }: { donation: string }) => donation)).toEqual([mailed]);

    // What a print that was killed left may be the only document of receipts recorded as printed.
    const part = join(dir, '.copy.pdf.part');
    writeFileSync(part, 'an earlier print');
    const cutOff = await print(second, '--again', '-o', join(dir, 'copy.pdf'), '--yes');
    expect(cutOff.stderr).toContain(`${part} is left from a print that did not end`);
    expect(cutOff.code).toBe(1);
    expect(readFileSync(part, 'utf8')).toBe('an earlier print');
    rmSync(part);

    const exists = await print(second, '--again', '-o', file, '--yes');
    expect(exists.stderr).toContain(`${file} exists`);
    expect(exists.code).toBe(1);
    const copy = join(dir, 'copy.pdf');
    expect((await print(second, '--again', '-o', copy, '--yes')).code).toBe(0);
    if (hasPoppler) expect(textOf(copy)).toContain('COPY of a receipt that was issued before.');
    const shown = await json('receipts', 'show', second);
    expect(shown.deliveries).toMatchObject([
      { channel: 'paper', kind: 'original', status: 'accepted', recipient: 'paper: receipts.pdf' },
      { channel: 'paper', kind: 'copy', status: 'accepted', recipient: 'paper: copy.pdf' },
    ]);
    expect(await json('audit', '--action', 'receipts.print')).toHaveLength(2);
  });

  it('does not print what acknowledges a gift that was given back since', async () => {
    const donor = await addDonor(system.db, 'Ada Lovelace');
    await system.db.query('delete from donations.donor_emails where donor_id = $1', [donor]);
    const gift = await addDonation(system.db, { donor });
    await cli('receipts', 'issue', gift, '--no-mail');
    await send('--paper', '--yes');
    await system.db.transaction((tx) => recordRefund(tx, gift, 1000n, 'a test'));
    const out = ['-o', join(dir, 'changed.pdf'), '--yes'];
    const { stderr } = await cli('receipts', 'print', '--pending', ...out);
    expect(stderr).toContain(
      'skipped      2: a gift was returned since: donations receipts reissue',
    );
    expect(existsSync(join(dir, 'changed.pdf'))).toBe(false);
    expect((await cli('receipts', 'reissue', gift, '--reason', 'a refund', '--no-mail')).code).toBe(
      0,
    );
    expect((await cli('receipts', 'print', '--pending', ...out)).stdout).toContain(
      'Printed 1 receipt',
    );
  });

  it('does not print what is on its way, void or held', async () => {
    const donation = await addDonation(system.db);
    await cli('receipts', 'issue', donation);
    const out = ['-o', join(dir, 'none.pdf'), '--yes'];
    expect((await cli('receipts', 'print', donation, ...out)).stderr).toContain(
      'its mail is on its way',
    );
    expect((await cli('receipts', 'print', ...out)).code).toBe(2);
    const { number } = await json('receipts', 'show', donation);
    await cli('receipts', 'void', donation, '--reason', 'wrong');
    expect((await cli('receipts', 'print', number, ...out)).stderr).toContain('it is void');
    expect(existsSync(join(dir, 'none.pdf'))).toBe(false);
  });
});

it('attaches the PDF to receipts by a setting', async () => {
  const donation = await addDonation(system.db);
  await cli('receipts', 'issue', donation);
  await deliver({ DONATIONS_RECEIPTS_ATTACH_PDF: 'true' });
  const [mail] = await inbox();
  expect(mail?.message.attachments).toMatchObject([
    { type: 'application/pdf', filename: expect.stringMatching(/^receipt-\d{4}-000001\.pdf$/) },
  ]);
});
