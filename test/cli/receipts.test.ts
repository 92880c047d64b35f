import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { ListedDelivery } from '../../src/lib/receipts/list.ts';
import { runCli } from '../support/cli.ts';
import { donateNow } from '../support/donate.ts';
import { gift, type System, startSystem, type TestWorker } from '../support/system.ts';

let system: System;
let worker: TestWorker | undefined;
let dir: string;
beforeAll(async () => {
  system = await startSystem({ DONATIONS_ACTOR: 'grace' });
  dir = mkdtempSync(join(tmpdir(), 'donations-receipts-'));
});
afterEach(async () => {
  await worker?.stop();
  worker = undefined;
  await system.sandbox.clearFaults();
});
afterAll(async () => {
  await system.close();
  rmSync(dir, { recursive: true, force: true });
});

const cli = (...args: string[]) => runCli(['receipts', ...args], { env: system.env });
const json = async (...args: string[]) => JSON.parse((await cli(...args, '--json')).stdout);
const donate = (email: string) => donateNow(system.deps, gift({ email }));
const list = async (...terms: string[]): Promise<(ListedDelivery & { id: string })[]> =>
  json('list', ...terms);

/** Runs a worker until nothing waits to be sent. */
async function send(env: NodeJS.ProcessEnv = {}): Promise<void> {
  worker ??= system.startWorker({ env });
  await worker.until(async () => {
    const { rows } = await system.db.query(
      `select 1 from donations.receipt_deliveries where status in ('pending', 'sending') limit 1`,
    );
    return rows.length === 0;
  });
}

it('follows a copy to the one receipt of an address', async () => {
  await donate('one@example.org');
  await send();
  const { code, stdout, stderr } = await cli('resend', 'one@example.org', '--wait');
  expect(stderr).toContain('accepted');
  expect(stdout).toContain('The mail provider has taken it.');
  expect(code).toBe(0);
  await donate('two@example.org');
  await donate('two@example.org');
  const several = await cli('resend', 'two@example.org');
  expect(several.code).toBe(2);
  expect(several.stderr).toMatch(/fits several receipts: 2\d+-0\d+, 2\d+-0\d+/);
});

it('a copy is written as the receipt was, whatever the templates are today', async () => {
  const { id } = await donate('copy@example.org');
  await send();
  await worker?.stop();
  worker = undefined;
  writeFileSync(join(dir, 'receipt.text.hbs'), 'New words for {{donor.name}}');
  writeFileSync(join(dir, 'receipt.subject.hbs'), 'New subject');
  const env = { ...system.env, DONATIONS_RECEIPTS_TEMPLATES_DIR: dir };
  const preview = await runCli(['receipts', 'preview', id], { env });
  expect(preview.stdout).toContain('Thank you for your gift');
  await cli('resend', id);
  await donate('new@example.org');
  await send(env);
  const mails = await system.sandbox.inbox();
  const [subjects] = [mails.map(({ subject }) => subject)];
  expect(subjects).toContain('New subject');
  expect(
    subjects.filter((subject) => subject.includes('Copy of your donation receipt')),
  ).not.toEqual([]);
});

it('takes evidence from a file, once, and mails no address that bounced', async () => {
  const { id } = await donate('bounced@example.org');
  await send();
  const [sent] = await list(`donation:${id}`);
  const file = join(dir, 'events.json');
  const event = {
    email: 'bounced@example.org',
    event: 'bounce',
    type: 'bounce',
    reason: '550 5.1.1 no such user',
    timestamp: Math.floor(Date.now() / 1000),
    sg_message_id: 'abc.0',
    delivery_id: sent?.delivery,
  };
  writeFileSync(file, `${JSON.stringify(event)}\n${JSON.stringify({ event: 'open' })}\n`);
  expect(await json('evidence', 'import', file)).toMatchObject({
    event_count: 2,
    unreadable: 1,
    ours: 1,
    new: 1,
  });
  expect(await json('evidence', 'import', file)).toMatchObject({ ours: 1, new: 0 });
  expect(await list('--bounced')).toMatchObject([
    { donation: id, reason: '550 5.1.1 no such user', status: 'bounced' },
  ]);
  expect(await json('show', id)).toMatchObject({
    mail_events: [{ event: 'bounce', delivery: sent?.delivery }],
  });
  expect((await cli('show', id)).stdout).toMatch(
    /^EVENTS +\d{4}-\d\d-\d\dT[\d:.]+Z bounce \(dlv_\w{26}\)$/m,
  );
  const refused = await cli('resend', id);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/gets no mail: mail to the address bounced on \d{4}-/);
  // Another gift from there: its receipt is issued, and not sent.
  const { id: another } = await donate('bounced@example.org');
  await send();
  expect(await list(`donation:${another}`)).toMatchObject([
    { status: 'failed', reason: expect.stringContaining(`receipt of donation ${another}`) },
  ]);
  const missing = await json('missing');
  expect(missing.map(({ donation }: { donation: string }) => donation)).toEqual(
    expect.arrayContaining([id, another]),
  );
  const plan = await json('replay', '--failed', '--bounced', '--dry-run');
  expect(plan).toMatchObject({ count: 0 });
  expect(plan.skipped).toContainEqual({
    reason: 'its address gets no mail: --force sends it all the same',
    count: 2,
  });
});

it('voids, reissues, and says so', async () => {
  const { id } = await donate('wrong@example.org');
  await send();
  const [first] = await list(`donation:${id}`);
  expect((await cli('void', id)).code).toBe(2);
  const reissued = await cli('reissue', id, '--reason', 'name was misspelt');
  expect(reissued.stdout).toMatch(/^Receipt 2\d+-0\d+ replaces 2\d+-0\d+ and is sent/);
  await send();
  const shown = await json('show', first?.number as string);
  expect(shown).toMatchObject({
    status: 'void',
    void_reason: 'name was misspelt',
    deliveries: [{ status: 'accepted', bounce_reason: null }],
    history: expect.arrayContaining([
      expect.objectContaining({ outcome: 'succeeded', http_status: 202 }),
    ]),
  });
  expect(await json('show', shown.replaced_by)).toMatchObject({
    replaces: first?.number,
    status: 'issued',
  });
  expect((await cli('preview', shown.replaced_by)).stdout).toContain(
    `This receipt cancels and replaces receipt ${first?.number}.`,
  );
  await cli('void', shown.replaced_by, '--reason', 'entered twice');
  const issued = await cli('issue', id, '--no-mail');
  expect(issued.stdout).toMatch(/^Receipt 2\d+-0\d+ is issued\.$/m);
});

it('replays what failed, after a confirmation', async () => {
  const { id } = await donate('again@example.org');
  await system.db.query(
    `update donations.receipt_deliveries d set status = 'failed', reason = 'it broke'
     from donations.receipt_donations c where c.receipt_id = d.receipt_id and c.donation_id = $1`,
    [id],
  );
  expect((await cli('replay')).code).toBe(2);
  const asked = await cli('replay', `donation:${id}`);
  expect(asked.code).toBe(4);
  expect(asked.stderr).toContain('1 e-mail to 1 donor');
  const done = await cli('replay', `donation:${id}`, '--yes', '--reason', 'mended');
  expect(done.stdout).toContain('Replayed 1 of 1 receipt.');
  await send();
  expect(await list(`donation:${id}`)).toMatchObject([{ status: 'accepted', kind: 'original' }]);
});

/** A receipt whose mail SendGrid may have sent. */
async function donateHeld(email: string) {
  await system.sandbox.setFaults('sendgrid', { path: 'POST', timeouts: true, count: 1 });
  const { id } = await donate(email);
  await send();
  const [delivery] = await list(`donation:${id}`);
  expect(delivery).toMatchObject({ status: 'held' });
  return delivery as ListedDelivery;
}

it('takes evidence from an activity CSV by ids, never by the address alone', async () => {
  const named = await donateHeld('named@example.org');
  const alike = await donateHeld('alike@example.org');
  const { id } = await donate('gone@example.org');
  await send();
  const { rows } = await system.db.query<{ message: string }>(
    `select message_id as message from donations.receipt_deliveries d
     join donations.receipt_donations c on c.receipt_id = d.receipt_id where c.donation_id = $1`,
    [id],
  );
  const args = JSON.stringify({ delivery_id: named.delivery, donation_id: named.donation });
  const file = join(dir, 'activity.csv');
  writeFileSync(
    file,
    [
      '\ufeffprocessed,message_id,event,recv_message_id,subject,from,email,reason,type,unique_args',
      `2026-11-29 08:00:00,x1.recvd-1,delivered,,"Your, receipt",a@b.org,named@example.org,,,"${args.replaceAll('"', '""')}"`,
      '2026-11-29T08:00:01Z,x2.recvd-1,delivered,,Your receipt,a@b.org,Alike@example.org,,,{}',
      `2026-11-29 08:00:02 +0000 UTC,${rows[0]?.message}.recvd-9-1,bounced,,Your receipt,a@b.org,gone@example.org,"550 no such user",hard,`,
      '2026-11-29 08:00:03,x4.recvd-1,open,,Newsletter,a@b.org,else@example.org,,,',
      'yesterday,x5.recvd-1,open,,Newsletter,a@b.org,else@example.org,,,',
      '',
    ].join('\r\n'),
  );
  expect(await json('evidence', 'import', file)).toMatchObject({
    event_count: 5,
    unreadable: 1,
    ours: 2,
    new: 2,
    unknown: 0,
    unmatched: 2,
    possible: [{ receipt: alike.number, email: 'alike@example.org', line: 3, event: 'delivered' }],
    settled: [named.delivery],
  });
  expect(await list(`donation:${alike.donation}`)).toMatchObject([{ status: 'held' }]);
  expect(await list(`donation:${id}`)).toMatchObject([
    { status: 'bounced', reason: '550 no such user' },
  ]);
  const again = await cli('evidence', 'import', file);
  expect(again.stderr).toContain(`Receipt ${alike.number} stays held: line 3 (delivered`);
  writeFileSync(file, 'name,email\nAda,ada@example.org\n');
  const refused = await cli('evidence', 'import', file);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('no column processed, message_id, event');
  await cli('resolve', alike.number, '--sent');
});

it('resolves several held receipts by a plan, a confirmation, and one decision', async () => {
  const first = await donateHeld('first@example.org');
  const second = await donateHeld('second@example.org');
  const both = [first.number, second.donation];
  expect((await cli('resolve', ...both)).code).toBe(2);
  expect((await cli('resolve', '--sent')).code).toBe(2);
  expect((await cli('resolve', first.number, 'nothing', '--sent')).code).toBe(3);
  expect(await json('resolve', '--held', '--since', '3h', '--resend', '--dry-run')).toMatchObject({
    action: 'receipts.resolve',
    count: 2,
    outcome: 'resend',
    effects: ['2 e-mails to 2 donors'],
  });
  const asked = await cli('resolve', ...both, '--sent');
  expect(asked.code).toBe(4);
  expect(asked.stderr).toContain('counts as sent to 2 donors; nothing more is sent');
  const done = await cli('resolve', ...both, '--sent', '--yes', '--note', 'in the feed');
  expect(done.stdout).toContain('Resolved 2 of 2 receipts.');
  expect(await list('--held')).toEqual([]);
  // The same command again has nothing left to do.
  expect((await json('resolve', ...both, '--sent', '--yes')).changed).toBe(0);
  const one = await cli('resolve', first.number, '--sent');
  expect(one.code).toBe(1);
  expect(one.stderr).toContain(`receipt ${first.number} is not held: it is accepted`);
});

it('previews as text, or writes the HTML part into a file', async () => {
  const { id } = await donate('preview@example.org');
  const file = join(dir, 'preview.html');
  const written = await cli('preview', id, '--html', file);
  expect(written).toMatchObject({ code: 0, stdout: '' });
  const html = (await cli('preview', id, '--html', '-')).stdout;
  expect(html).toContain('<html');
  expect(readFileSync(file, 'utf8')).toBe(html.replace(/\n$/, ''));
  const text = await cli('preview', id, '--text');
  expect(text.stdout).toMatch(/^Subject: .*\n\n/);
  expect((await cli('preview', id)).stdout).toBe(text.stdout);
  expect((await cli('preview', id, '--text', '--html', '-')).code).toBe(2);
});

it('corrects an address, and sends what did not get there', async () => {
  const { id } = await donate('wrnog@example.org');
  await send();
  const [sent] = await list(`donation:${id}`);
  const file = join(dir, 'bounce.json');
  const bounce = {
    email: 'wrnog@example.org',
    event: 'bounce',
    reason: '550 unknown',
    timestamp: Math.floor(Date.now() / 1000),
    sg_message_id: 'def.0',
    delivery_id: sent?.delivery,
  };
  writeFileSync(file, JSON.stringify([bounce]));
  await cli('evidence', 'import', file);
  const fix = (...args: string[]) => runCli(['donors', 'fix-email', ...args], { env: system.env });
  expect((await fix('nobody@example.org', 'a@example.org')).code).toBe(3);
  expect((await fix('wrnog@example.org', 'not an address')).code).toBe(2);
  const fixed = await fix('WRNOG@example.org', 'right@example.org', '--replay', '--yes');
  expect(fixed.stdout).toContain('1 donor (Ada Lovelace) has the address right@example.org.');
  expect(fixed.stdout).toContain('Replayed 1 of 1 receipt.');
  await send();
  expect(await list(`donation:${id}`)).toMatchObject([
    { kind: 'copy', status: 'accepted', recipient: 'right@example.org' },
    { kind: 'original', status: 'bounced', recipient: 'wrnog@example.org' },
  ]);
});

it('lists have donors and days', async () => {
  for (let i = 0; i < 3; i++) await donate(`page${i}@example.org`);
  const all = JSON.parse((await cli('list', '--json')).stdout);
  expect(all.length).toBeGreaterThan(2);
  expect(all[0]).toMatchObject({
    donor: { id: expect.stringMatching(/^dnr_/), name: expect.any(String) },
    issued_on: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
  });
});
