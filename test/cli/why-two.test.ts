import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliResult, runCli } from '../support/cli.ts';
import { donateNow } from '../support/donate.ts';
import { gift, type System, startSystem } from '../support/system.ts';

let system: System;
let id: string;
let job: string;
let number: string;

const as = (actor: string, ...args: string[]) =>
  runCli(args, { env: { ...system.env, DONATIONS_ACTOR: actor } });
const done = async (result: Promise<CliResult>) => {
  const { code, stdout, stderr } = await result;
  expect(code, stderr).toBe(0);
  return stdout;
};
const json = async (...args: string[]) => JSON.parse(await done(as('eve', ...args, '--json')));

/** A mail that may have gone out, retried by grace; then ada sends a copy. */
beforeAll(async () => {
  system = await startSystem();
  await system.sandbox.setFaults('sendgrid', { path: 'POST', timeouts: true, count: 1 });
  id = (await donateNow(system.deps, gift())).id;
  await done(as('eve', 'worker', 'start', '--once'));
  const story = await json('show', id);
  job = story.jobs[0].job;
  number = story.receipts[0].number;
  await done(
    as('grace', 'jobs', 'retry', job, '--include-unknown', '--yes', '--reason', 'not at SendGrid'),
  );
  await done(as('eve', 'worker', 'start', '--once'));
  await done(as('ada', 'receipts', 'resend', number, '--reason', 'she asked'));
  await done(as('eve', 'worker', 'start', '--once'));
});
afterAll(() => system.close());

describe('show, asked why there are two', () => {
  it('has who decided what and why among the events, and how many mails went out', async () => {
    const { mails_sent, mails_maybe_sent, events, receipts } = await json('show', id);
    expect({ mails_sent, mails_maybe_sent }).toEqual({ mails_sent: 2, mails_maybe_sent: 1 });
    const decisions = events.filter(({ what }: { what: string }) => what === 'decision');
    expect(decisions).toMatchObject([
      {
        text: `grace@${hostname()} retries job ${job}, which was held: not at SendGrid`,
        actor: 'grace',
        action: 'jobs.retry',
        reason: 'not at SendGrid',
        audit: expect.stringMatching(/^aud_/),
      },
      {
        text: `ada@${hostname()} sends receipt ${number} again, as a copy: she asked`,
        actor: 'ada',
        action: 'receipts.resend',
      },
    ]);
    expect(receipts[0].deliveries.map(({ kind }: { kind: string }) => kind)).toEqual([
      'original',
      'copy',
    ]);
    for (const event of events) expect(event.at).toMatch(/Z$/);
  });

  it('says dates and the zone once, the organisation’s or the terminal’s', async () => {
    const people = await done(as('eve', 'show', id));
    expect(people).toMatch(/^2 mails went out, and 1 more may have$/m);
    expect(people).toMatch(/^\d{4}-\d\d-\d\d, times of UTC$/m);
    const { events } = await json('show', id);
    const utc = events[0].at.slice(11, 19);
    expect(people).toContain(`${utc}  `);
    const env = { ...system.env, TZ: 'Asia/Kolkata' };
    const { stdout } = await runCli(['show', id, '--local'], { env });
    expect(stdout).toMatch(/times of Asia\/(Kolkata|Calcutta)$/m);
    expect(stdout).not.toContain(`${utc}  `);
  });
});

describe('audit', () => {
  it.each([
    ['--donation', () => id],
    ['--receipt', () => number],
    ['--job', () => job],
    ['--donor', () => 'lovelace'],
  ])('%s finds what was decided about it', async (flag, value) => {
    const rows = await json('audit', flag, value());
    const retry = { action: 'jobs.retry', reason: 'not at SendGrid' };
    expect(rows).toMatchObject(flag === '--job' ? [retry] : [{ action: 'receipts.resend' }, retry]);
  });

  it('knows who, and what it is not about', async () => {
    expect(await json('audit', '--donation', id, '--by', 'ada')).toHaveLength(1);
    expect(await json('audit', '--job', '999999')).toEqual([]);
    expect((await as('eve', 'audit', '--job', '1', '--donor', 'ada')).code).toBe(2);
  });

  it('says which way a held receipt was resolved', async () => {
    await system.sandbox.setFaults('sendgrid', { path: 'POST', timeouts: true, count: 1 });
    const other = (await donateNow(system.deps, gift({ name: 'Grace Hopper' }))).id;
    await done(as('eve', 'worker', 'start', '--once'));
    await done(as('eve', 'receipts', 'resolve', other, '--sent'));
    const [entry] = await json('audit', '--donation', other);
    expect(entry).toMatchObject({ action: 'receipts.resolve', outcome: 'sent' });
    const { mails_sent, mails_maybe_sent, events } = await json('show', other);
    expect({ mails_sent, mails_maybe_sent }).toEqual({ mails_sent: 1, mails_maybe_sent: 0 });
    expect(events.find(({ what }: { what: string }) => what === 'decision').text).toMatch(
      /says that the receipt was sent$/,
    );
    await done(as('eve', 'receipts', 'resend', other));
    const { code, stderr } = await as('eve', 'receipts', 'resend', other, '--json');
    expect(code).toBe(75);
    expect(JSON.parse(stderr).error).toMatchObject({ code: 'try_again', donation: other });
  });
});
