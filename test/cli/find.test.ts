import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shownId } from '../../src/lib/ids.ts';
import { runCli } from '../support/cli.ts';
import { addDonation, addDonor } from '../support/records.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;
const donors: Record<string, string> = {};
const gifts: Record<string, string> = {};

const cli = (...args: string[]) => runCli(args, { env: system.env });
const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await cli(...args, '--json');
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
};
const idsOf = (rows: { donation: string }[]) => rows.map(({ donation }) => donation);

beforeAll(async () => {
  system = await startSystem();
  const { db } = system;
  donors.jose = await addDonor(db, 'José Núñez');
  donors.ada = await addDonor(db, 'Ada Lovelace');
  donors.adam = await addDonor(db, 'Adam Smith');
  gifts.jose = await addDonation(db, { donor: donors.jose, fund: 'Gala', campaign: 'Spring' });
  gifts.declined = await addDonation(db, {
    donor: donors.ada,
    status: 'failed',
    amount: '99000',
    currency: 'eur',
  });
  gifts.ada = await addDonation(db, { donor: donors.ada, amount: '10000' });
  gifts.again = await addDonation(db, { donor: donors.ada, amount: '10000' });
  await db.query(
    `update donations.donations set request_id = 'form-1', request_sha256 = repeat('0', 64),
       source = 'salesforce', source_id = 'sf-7', gift_on = '2025-02-03' where id = $1`,
    [gifts.jose],
  );
});
afterAll(() => system.close());

describe('donations list', () => {
  it.each<[string[], string[]]>([
    [[], ['again', 'ada', 'declined', 'jose']],
    [['--donor', 'nunez'], ['jose']],
    [['--donor', 'NÚÑEZ', '--fund', 'gala'], ['jose']],
    [
      ['--donor', 'ada'],
      ['again', 'ada', 'declined'],
    ],
    [['--donor', 'nobody'], []],
    [['--status', 'declined'], ['declined']],
    [['--status', 'failed,succeeded', '--currency', 'EUR'], ['declined']],
    [
      ['--amount', '>=100'],
      ['again', 'ada', 'declined'],
    ],
    [['amount:50usd'], ['jose']],
    [['--date', '2025-02'], ['jose']],
    [['--received', '<2020'], []],
    [['campaign:~spr'], ['jose']],
    [
      ['--card', '4242', '--method', 'card', '-status:failed'],
      ['again', 'ada', 'jose'],
    ],
    [['--source', 'sf-7'], ['jose']],
    [['--request', 'form-1'], ['jose']],
    [
      ['--since', '1h', '--fund', '~water'],
      ['again', 'ada', 'declined'],
    ],
  ])('%j', async (args, names) => {
    expect(idsOf(await json('list', ...args))).toEqual(names.map((name) => gifts[name]));
  });

  it('finds donors by e-mail address and by id', async () => {
    for (const donor of [`${donors.jose}@example.org`.toUpperCase(), donors.jose as string])
      expect(idsOf(await json('list', '--donor', donor))).toEqual([gifts.jose]);
  });

  it('names things as scripts need them', async () => {
    const [row] = await json('list', '--status', 'declined');
    expect(row).toMatchObject({
      donation: gifts.declined,
      status: 'failed',
      amount_minor: 99000,
      currency: 'eur',
      donor: { id: donors.ada, name: 'Ada Lovelace', email: `${donors.ada}@example.org` },
      card: { brand: 'visa', last4: '4242' },
      failure: 'card_declined',
    });
  });

  it('goes on where the page before ended, by the command that it prints', async () => {
    const first = await cli('list', '--limit', '3', '--json=donation');
    expect(first.stderr).toContain('3 of 4 donations.');
    const next = /^Next: donations (.*)$/m.exec(first.stderr)?.[1]?.split(' ') as string[];
    const second = await cli(...next);
    expect(idsOf(JSON.parse(second.stdout))).toEqual([gifts.jose]);
    expect(second.stderr).not.toContain('Next:');
    expect((await cli('donors', 'list', ...next.slice(1))).code).toBe(2);
  });

  it.each([['--status', 'nonsense'], ['nonsense'], ['--amount', 'much']])(
    '%s %s is a usage error',
    async (...args) => {
      expect((await cli('list', ...args)).code).toBe(2);
    },
  );
});

describe('ids as tables show them', () => {
  it('are taken as input', async () => {
    const shown = shownId(gifts.ada as string);
    expect(shown).toMatch(/^don…\w{6}$/);
    for (const ref of [shown, shown.replace('…', '_…'), shown.replace('…', '...')]) {
      expect((await json('show', ref)).donation).toBe(gifts.ada);
      expect(idsOf(await json('list', '--donation', ref))).toEqual([gifts.ada]);
    }
    expect((await json('donors', 'show', shownId(donors.ada as string))).donor.id).toBe(donors.ada);
  });
});

describe('donors list', () => {
  it.each([
    [['jose'], ['jose']],
    [['ADA'], ['adam', 'ada']],
    [['--name', 'ada lovelace'], ['ada']],
    [['email:~@example.org', '--kind', 'organization'], []],
  ])('%j', async (args, names) => {
    const rows = await json('donors', 'list', ...args);
    expect(rows.map(({ donor }: { donor: { id: string } }) => donor.id)).toEqual(
      names.map((name) => donors[name]),
    );
  });

  it('sums what was given, by currency', async () => {
    const [row] = await json('donors', 'list', 'lovelace');
    expect(row).toMatchObject({ gift_count: 2, given: [{ currency: 'usd', amount_minor: 20000 }] });
  });
});

describe('donors show', () => {
  it('is one page, and points out gifts that may be double', async () => {
    const page = await json('donors', 'show', 'lovelace');
    expect(page).toMatchObject({
      donor: { id: donors.ada, name: 'Ada Lovelace' },
      gift_count: 3,
      cards: [{ brand: 'visa', last4: '4242' }],
      possible_doubles: [{ donation: gifts.again, earlier_donation: gifts.ada }],
    });
    expect(idsOf(page.gifts)).toEqual([gifts.again, gifts.ada, gifts.declined]);
    const { stdout } = await cli('donors', 'show', gifts.ada as string);
    expect(stdout).toContain('3 gifts');
    expect(stdout).toContain('Possible double gifts');
  });

  it('lists the choices when several fit', async () => {
    const { code, stderr } = await cli('donors', 'show', 'ada');
    expect(code).toBe(2);
    expect(stderr).toContain(
      `Ada Lovelace <${donors.ada}@example.org>: donations donors show ${donors.ada}`,
    );
    expect(stderr).toContain(`: donations donors show ${donors.adam}`);
    expect((await cli('donors', 'show', 'nobody')).code).toBe(3);
  });
});

describe('show, of a donor', () => {
  it('shows the one donation of a name or an address', async () => {
    for (const ref of ['nuñez', `${donors.jose}@example.org`])
      expect((await json('show', ref)).donation).toBe(gifts.jose);
  });

  it('lists the choices when there are several', async () => {
    const gift = await cli('show', 'lovelace');
    expect(gift.code).toBe(2);
    expect(gift.stderr).toContain(`2026-11-23 $100.00 USD succeeded: donations show ${gifts.ada}`);
    const donor = await cli('show', 'ada');
    expect(donor.code).toBe(2);
    expect(donor.stderr).toContain(`donations donors show ${donors.adam}`);
    expect((await cli('show', 'smith')).code).toBe(3);
  });
});
