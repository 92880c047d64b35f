import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system.close());

const run = (args: string[], env: NodeJS.ProcessEnv = {}) =>
  runCli(args, { env: { ...system.env, ...env } });

const GIFT = {
  '--amount': '50',
  '--currency': 'usd',
  '--email': 'ada@example.org',
  '--name': 'Ada Lovelace',
  '--payment-method': 'pm_card_visa',
};
const donate = (rest: Partial<typeof GIFT>, ...more: string[]) =>
  run(['donate', ...Object.entries({ ...GIFT, ...rest }).flat(), ...more]);

const count = async (table: string) =>
  (await system.db.query<{ n: number }>(`select count(*)::int as n from donations.${table}`))
    .rows[0]?.n;

describe('nothing is charged when an argument is invalid', () => {
  it.each([
    ['a field that there is not', {}, ['--json=nosuchfield'], /no field \\?"nosuchfield/],
    ['formats that contradict each other', {}, ['--json', '--output', 'csv'], /contradict/],
    ['an invisible name', { '--name': '\u200b\u3164' }, [], /invisible character/],
    ['a name of 100 kB', { '--name': 'x'.repeat(60_000) }, [], /60,000 characters/],
    ['escape sequences', { '--name': 'Ada\u001b[2J' }, [], /controls a terminal/],
    ['an address that the database refuses', { '--email': 'a\u00a0b@example.org' }, [], /e-mail/],
    ['an amount that reads in two ways', { '--amount': '0,500' }, [], /two ways/],
    ['a fund of control characters', {}, ['--fund', 'a\u202eb'], /--fund/],
  ])('%s: exit code 2', async (_what, rest, more, message) => {
    const { code, stdout, stderr } = await donate(rest, ...more);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/(?!\n)\p{Cc}|\u202e|\u200b/u);
    expect(await count('donations')).toBe(0);
    expect(await system.sandbox.paymentIntents({})).toEqual([]);
  });

  it('pauses nothing either', async () => {
    const { code } = await run(['jobs', 'pause', 'send_receipt', '--json=nosuchfield']);
    expect(code).toBe(2);
    expect(await count('task_pauses')).toBe(0);
  });
});

describe('an option that would be ignored', () => {
  it.each([
    ['jobs retry --failed --max-failures 10%', /belongs to --canary/],
    ['worker start --once --metrics-host 0.0.0.0', /belongs to --metrics-port/],
    ['receipts replay --failed --include-held', /leaves out held receipts/],
    ['receipts resolve --held --sent --force', /belongs to --resend/],
    ['sandbox fault sendgrid --clear --timeouts 10%', /--clear stands alone/],
    ['sandbox fault --release --count 3', /--release stands alone/],
    ['monitor --width 80', /Add --once/],
    ['report --from 02:00 --day 2026-11-20', /belongs to --daily/],
    ['sandbox inbox --html', /goes with --open/],
  ])('%s is refused', async (line, message) => {
    const { code, stderr } = await run(line.split(' '));
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});

describe('arguments that are too long or broken', () => {
  it.each([
    [['jobs', 'errors', '--window', '400000000d'], 2, /too long/],
    [['jobs', 'errors', '--since', '106751991167d'], 2, /too long/],
    [['jobs', 'errors', '--since', 'Infinity'], 2, /not a duration/],
    [['jobs', 'list', `age:>${'9'.repeat(60_000)}d`], 2, /60,006 characters/],
    [['jobs', 'list', '--since', '999999999999w'], 2, /too long/],
    [['show', `2026-${'9'.repeat(40)}`], 3, /nothing found/],
    [['receipts', 'show', `2026-${'9'.repeat(40)}`], 3, /no receipt/],
    [['jobs', 'show', '9'.repeat(40)], 2, /not the id of a job/],
    [['show', 'x'.repeat(10_000)], 3, /nothing found/],
    [['x'.repeat(10_000)], 2, /unknown command/],
    [['show', 'x'.repeat(100_000)], 2, /100,000 characters/],
    [['jobs', 'retry', '1', '--reason', 'x'.repeat(1001)], 2, /--reason is 1,001/],
    [['show', '\u001b[31m\u202eid\r\nnext'], 3, /\\x1b\[31m\\u202eid next/],
  ])('%# gives a one-line error', async (args, expected, message) => {
    const { code, stderr } = await run(args);
    expect(code).toBe(expected);
    expect(stderr).toMatch(message);
    expect(stderr.length).toBeLessThan(3000);
    expect(stderr).not.toMatch(/(?!\n)\p{Cc}|\u202e/u);
  });

  it('refuses an unknown log level', async () => {
    const { code, stderr } = await run(['worker', 'start', '--once'], {
      DONATIONS_LOG_LEVEL: 'loud\u001b[31m',
    });
    expect(code).toBe(78);
    expect(stderr).toMatch(/DONATIONS_LOG_LEVEL: "loud\\x1b\[31m" is not one of/);
  });
});
