import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { hurry, type System, startSystem } from '../support/system.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system.close());

const GIFT = {
  amount: '50',
  currency: 'usd',
  email: 'ada@example.org',
  name: 'Ada Lovelace',
  'payment-method': 'pm_card_visa',
};

const donate = (rest: Partial<typeof GIFT> = {}, ...more: string[]) =>
  runCli(
    [
      'donate',
      ...Object.entries({ ...GIFT, ...rest }).flatMap(([name, value]) => [`--${name}`, value]),
      ...more,
    ],
    { env: system.env },
  );

const count = async () =>
  (await system.db.query<{ n: number }>('select count(*)::int as n from donations.donations'))
    .rows[0]?.n;

describe('donate', () => {
  it('charges now and prints one object for scripts', async () => {
    const { code, stdout, stderr } = await donate({}, '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const donation = JSON.parse(stdout);
    expect(donation).toMatchObject({ status: 'succeeded', amount_minor: 5000, currency: 'usd' });
    expect(donation.id).toMatch(/^don_[0-9a-z]{26}$/);
    const charges = await system.sandbox.paymentIntents({ donationId: donation.id });
    expect(charges.map(({ status, amount }) => ({ status, amount }))).toEqual([
      { status: 'succeeded', amount: 5000 },
    ]);
    const jobs = await system.db.query<{ task: string }>(
      'select task_identifier as task from graphile_worker.jobs where key like $1 or key in (select $2 || id from donations.receipt_deliveries where receipt_id in (select receipt_id from donations.receipt_donations where donation_id = $3)) order by 1',
      [`%${donation.id}`, 'send:', donation.id],
    );
    expect(jobs.rows.map(({ task }) => task)).toEqual(['send_receipt', 'tokenize_card']);
  });

  it.each([
    ['pm_card_chargeDeclined', 'generic_decline'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'insufficient_funds'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card'],
    ['pm_card_authenticationRequired', 'authentication_required'],
  ])('says of %s that it was declined, and issues no receipt', async (card, code) => {
    const declined = await donate({ 'payment-method': card }, '--json');
    expect(declined.code).toBe(1);
    const { id, status, decline_code } = JSON.parse(declined.stdout);
    expect({ status, decline_code }).toEqual({ status: 'failed', decline_code: code });
    const { rowCount } = await system.db.query(
      'select 1 from donations.receipt_donations where donation_id = $1',
      [id],
    );
    expect(rowCount).toBe(0);
    const people = await donate({ 'payment-method': card });
    expect(people.code).toBe(1);
    expect(people.stderr).toContain(code);
  });

  it('follows a background charge to its end, and its exit code says what became of it', async () => {
    const worker = system.startWorker();
    const charged = await donate({}, '--background', '--wait', '--json');
    expect(charged.code).toBe(0);
    expect(JSON.parse(charged.stdout)).toMatchObject({ status: 'succeeded' });
    const declined = await donate(
      { 'payment-method': 'pm_card_chargeDeclined' },
      '--background',
      '--wait',
      '--json',
    );
    expect(declined.code).toBe(1);
    expect(JSON.parse(declined.stdout)).toMatchObject({
      status: 'failed',
      decline_code: 'generic_decline',
    });
    expect(await worker.stop()).toBe(0);
  });

  it('leaves a background charge to a worker', async () => {
    const { code, stdout } = await donate({}, '--background', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'pending' });
  });

  it('says that a charge without an answer will be settled, and not to enter it again', async () => {
    await system.sandbox.setFaults('stripe', { path: 'POST', hangs: true, count: 1 });
    const { code, stderr } = await donate();
    expect(code).toBe(75);
    expect(stderr).toMatch(/recorded and will be charged once/);
    const { rows } = await system.db.query<{ status: string }>(
      'select status from donations.donations order by created_at desc limit 1',
    );
    expect(rows).toEqual([{ status: 'processing' }]);
  });
});

describe('--request-id', () => {
  it('makes one donation of the same request, and refuses another gift under it', async () => {
    const before = await count();
    const runs = [];
    for (let i = 0; i < 3; i++) runs.push(await donate({}, '--request-id', 'form-17', '--json'));
    const ids = new Set(runs.map(({ stdout }) => JSON.parse(stdout).id));
    expect(ids.size).toBe(1);
    expect(await count()).toBe((before ?? 0) + 1);
    const [id] = [...ids];
    const charges = await system.sandbox.paymentIntents({ donationId: id });
    expect(charges.filter(({ status }) => status === 'succeeded')).toHaveLength(1);
    const other = await donate({ amount: '51' }, '--request-id', 'form-17');
    expect(other.code).toBe(2);
    expect(other.stderr).toContain(id);
    expect(await count()).toBe((before ?? 0) + 1);
  });

  it('makes one donation of the same request, however many commands make it at once', async () => {
    const before = await count();
    const runs = await Promise.all(
      Array.from({ length: 4 }, () => donate({}, '--request-id', 'form-18', '--json')),
    );
    expect(new Set(runs.map(({ stdout }) => JSON.parse(stdout).id)).size).toBe(1);
    expect(await count()).toBe((before ?? 0) + 1);
    const charges = await system.sandbox.paymentIntents({
      donationId: JSON.parse(runs[0]?.stdout ?? '').id,
    });
    expect(charges.filter(({ status }) => status === 'succeeded')).toHaveLength(1);
  });
});

describe('a gift similar to one of the last ten minutes', () => {
  it('is pointed out, and charged, off a terminal', async () => {
    const name = 'Twice Giver';
    const first = JSON.parse((await donate({ name }, '--json')).stdout);
    const second = await donate({ name }, '--json');
    expect(second.code).toBe(0);
    expect(second.stderr).toContain(first.id);
    expect(JSON.parse(second.stdout).id).not.toBe(first.id);
    expect((await donate({ name, amount: '51' }, '--json')).stderr).toBe('');
  });
});

describe('the last word, once a donation is recorded', () => {
  const latest = async () =>
    (
      await system.db.query<{ id: string; status: string }>(
        'select id, status from donations.donations order by created_at desc limit 1',
      )
    ).rows[0];

  it('of Ctrl-C is its id and what will become of it', async () => {
    await system.sandbox.setFaults('stripe', { path: 'POST', hangs: true, count: 1 });
    const stop = new AbortController();
    const before = await count();
    const run = runCli(
      [
        'donate',
        ...Object.entries(GIFT).flatMap(([name, value]) => [`--${name}`, value]),
        '--json',
      ],
      { env: { ...system.env, DONATIONS_STRIPE_TIMEOUT_MS: '60000' }, signal: stop.signal },
    );
    while ((await count()) === before) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    const { code, stderr } = await run;
    const recorded = await latest();
    expect(code).toBe(130);
    expect(stderr).toContain(`Donation ${recorded?.id} is recorded`);
    expect(stderr).toContain('Do not enter it again');
    expect(recorded?.status).toBe('processing');
  });

  it('of a database that refuses the outcome is the same', async () => {
    await system.db.query(
      `create function public.refuse() returns trigger language plpgsql as $$
       begin raise exception 'disk full' using errcode = 'disk_full'; end $$;
       create trigger full_disk before update of settled_at on donations.donations
         for each row when (new.settled_at is not null) execute function public.refuse()`,
    );
    const { code, stderr } = await donate();
    await system.db.query(
      'drop trigger full_disk on donations.donations; drop function public.refuse()',
    );
    const recorded = await latest();
    expect(code).toBe(75);
    expect(stderr).toContain(`Donation ${recorded?.id} is recorded`);
    expect(stderr).toContain('Do not enter it again');
    expect(recorded?.status).toBe('processing');
    await hurry(system.db);
    const worker = system.startWorker();
    await worker.until(async () => (await latest())?.status === 'succeeded');
    await worker.stop();
  });
});

describe('bad input to donate', () => {
  it('tells all that is missing or wrong at once', async () => {
    const { code, stderr } = await runCli(['donate', '--amount', 'x', '--name', ' '], {
      env: system.env,
    });
    expect(code).toBe(2);
    for (const option of ['--currency', '--name', '--email', '--payment-method'])
      expect(stderr).toContain(option);
  });

  const cases: [string, Partial<typeof GIFT>, RegExp][] = [
    ['amount zero', { amount: '0' }, /zero/],
    ['negative amount', { amount: '-5' }, /negative/],
    ['too many decimals', { amount: '10.999' }, /too many decimals/],
    ['decimals of a currency without', { amount: '10.50', currency: 'jpy' }, /too many decimals/],
    ['not an amount', { amount: 'fifty' }, /not an amount/],
    ['unknown currency', { currency: 'xyz' }, /unknown currency/],
    ['invalid e-mail', { email: 'ada.example.org' }, /not an e-mail address/],
    ['two addresses', { email: 'ada@example.org,bo@example.org' }, /not an e-mail address/],
    ['empty name', { name: '  ' }, /--name is empty/],
    [
      'a card number for a payment method',
      { 'payment-method': '4242 4242 4242 4242' },
      /card number/,
    ],
    ['a card number for a name', { name: '4000-0000-0000-0002' }, /card number/],
    ['not a payment method', { 'payment-method': 'visa' }, /id of a payment method/],
  ];
  it.each(cases)('%s: one line, exit code 2, nothing written', async (_name, input, message) => {
    const before = await count();
    const { code, stdout, stderr } = await donate(input);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr.split('\n')[0]).toMatch(/^donations: /);
    expect(stderr).not.toContain('4242 4242 4242 4242');
    expect(await count()).toBe(before);
  });

  it('a payment method that Stripe does not know: failed with Stripe’s reason', async () => {
    const { code, stdout } = await donate({ 'payment-method': 'pm_nobody' }, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      status: 'failed',
      decline_code: 'resource_missing',
    });
  });

  it('a missing option names it', async () => {
    const { code, stderr } = await runCli(['donate', '--amount', '5'], { env: system.env });
    expect(code).toBe(2);
    expect(stderr).toContain('--currency');
  });

  it('an unreachable database: exit code 69', async () => {
    const { code, stderr } = await runCli(['worker', 'list'], {
      env: { ...system.env, DATABASE_URL: 'postgres://nobody:hunter2@127.0.0.1:1/none' },
    });
    expect(code).toBe(69);
    expect(stderr).toContain('127.0.0.1:1');
    expect(stderr).not.toContain('hunter2');
  });

  it('a live key on a sandbox database: exit code 78, nothing written', async () => {
    const before = await count();
    const { code, stderr } = await runCli(['worker', 'list'], {
      env: {
        ...system.env,
        STRIPE_SECRET_KEY: 'sk_live_abcdefghijklmnop',
        SENDGRID_API_KEY: 'SG.abcdefghijklmnop.qrs',
        DONATIONS_ORGANIZATION_LEGAL_NAME: 'Real',
        DONATIONS_ORGANIZATION_ADDRESS: 'Street 1 | Town',
        DONATIONS_ORGANIZATION_TAX_ID: '1',
        DONATIONS_ORGANIZATION_EMAIL: 'real@example.org',
        DONATIONS_RECEIPTS_FROM_EMAIL: 'real@example.org',
        DONATIONS_RECEIPTS_FROM_NAME: 'Real',
      },
    });
    expect(code).toBe(78);
    expect(stderr).toMatch(/sandbox database/);
    expect(stderr).not.toContain('abcdefghijklmnop');
    expect(await count()).toBe(before);
  });
});

describe('show', () => {
  it('tells the whole story: attempts, their requests, and what comes next', async () => {
    // The receipts of the previous tests.
    await runCli(['worker', 'start', '--once'], { env: system.env });
    await system.sandbox.setFaults('sendgrid', { path: 'POST', timeouts: true, count: 1 });
    const { id } = JSON.parse((await donate({}, '--json')).stdout);
    const worker = system.startWorker();
    await worker.until(
      (lines) => lines.filter(({ donation, outcome }) => donation === id && outcome).length >= 2,
    );
    await worker.stop();
    const { code, stdout } = await runCli(['show', id.slice(0, 24), '--json'], { env: system.env });
    expect(code).toBe(0);
    const story = JSON.parse(stdout);
    expect(story).toMatchObject({
      donation: id,
      status: 'succeeded',
      card: { brand: 'visa', last4: '4242' },
    });
    expect(story.receipts[0].deliveries[0]).toMatchObject({ status: 'held' });
    const attempts = story.events.filter(({ what }: { what: string }) => what === 'attempt');
    expect(
      attempts
        .map(({ task, outcome }: { task: string; outcome: string }) => `${task} ${outcome}`)
        .sort(),
    ).toEqual(['send_receipt held', 'tokenize_card succeeded']);
    expect(story.jobs).toMatchObject([{ task: 'send_receipt', status: 'held' }]);
    for (const ref of [
      story.payment_intent,
      story.receipts[0].number,
      story.receipts[0].receipt,
      story.jobs[0].job,
    ]) {
      const again = await runCli(['show', ref, '--json=donation'], { env: system.env });
      expect(again.stdout).toContain(id);
    }
    const people = await runCli(['show', id], { env: system.env });
    expect(people.stdout).toMatch(/send_receipt attempt 1: held/);
  });

  it.each([['don_nobody'], ['pi_nobody'], ['12345'], ['2026-999999'], ['anything']])(
    'unknown id %s: exit code 3',
    async (ref) => {
      const { code, stderr } = await runCli(['show', ref], { env: system.env });
      expect(code).toBe(3);
      expect(stderr).toContain(ref);
    },
  );
});
