import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { donateInBackground } from '../support/donate.ts';
import { gift, type System, startSystem, type TestWorker } from '../support/system.ts';
import { type Inbox, startInbox } from './harness.ts';

let system: System;
let ops: Inbox;
let board: Inbox;
beforeAll(async () => {
  [ops, board] = await Promise.all([startInbox(), startInbox()]);
  system = await startSystem({
    DONATIONS_ALERTS_ROUTES: JSON.stringify([
      { name: 'ops', via: 'webhook', url: ops.url },
      { name: 'board', via: 'webhook', url: board.url, audience: 'business' },
    ]),
    DONATIONS_HEALTH_RULES: JSON.stringify([{ name: 'backlog', warning: 10, for: '0s' }]),
  });
  // Workers evaluate whenever ten seconds are over; here the rules are evaluated by `alerts check` alone, at
  // times when nothing moves, so that the numbers are certain. Workers deliver as always.
  await system.db.query(
    `create function no_turn() returns trigger language plpgsql as $$
     begin return case when new.taken_at = '-infinity' then new end; end $$;
     create trigger no_turn before insert on donations.health_turn
     for each row execute function no_turn()`,
  );
});
afterAll(async () => {
  await system.close();
  await Promise.all([ops.close(), board.close()]);
});

const give = async (count: number) => {
  for (let i = 0; i < count; i++) {
    given += 1;
    await donateInBackground(system.deps, gift({ email: `donor${given}@example.org` }));
  }
};
let given = 0;

/** Waits until no job moves, and these many of each task are left. */
const untilAtRest = (worker: TestWorker, left: Record<string, number>) =>
  worker.until(async () => {
    const { rows } = await system.db.query<{ task: string; count: number; moving: number }>(
      `select task_identifier as task, count(*)::int as count,
         count(*) filter (where locked_at is not null or exists (
           select 1 from donations.job_verdicts v where v.job_id = j.id and v.applied_at is null))::int as moving
       from graphile_worker.jobs j group by 1`,
    );
    return (
      rows.every(({ moving }) => moving === 0) &&
      JSON.stringify(Object.fromEntries(rows.map(({ task, count }) => [task, count]))) ===
        JSON.stringify(left)
    );
  });
const untilPause = (worker: TestWorker, cause: string, isThere: boolean) =>
  worker.until(async () => {
    const { rows } = await system.db.query(
      'select 1 from donations.task_pauses where cause = $1 and (until is null or until > now())',
      [cause],
    );
    return rows.length > 0 === isThere;
  });

/** The lines of the messages that came since the last call, without what differs from day to day. */
function lines({ requests }: Inbox): string[] {
  return requests.splice(0).flatMap(({ body }) => {
    const { title, text } = JSON.parse(body) as { title: string; text: string };
    return [`# ${title}`, ...text.split('\n')].map((line) =>
      line
        .replace(/\binc_[0-9a-z]{26}\b/g, 'inc_…')
        .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '…')
        .replace(/\b\d+(?:\.\d+)?(?:ms|s|m)\b/g, '…')
        .replace(/127\.0\.0\.1:\d+/g, 'the sandbox'),
    );
  });
}

/** Evaluates the rules. @returns what each audience was told. */
async function check(): Promise<{ ops: string[]; board: string[] }> {
  const { code, stderr } = await runCli(['alerts', 'check'], { env: system.env });
  expect(stderr).not.toMatch(/error/i);
  expect(code).toBe(0);
  // A worker may be the one that delivers.
  for (;;) {
    const { rows } = await system.db.query(
      `select 1 from donations.alert_deliveries where status = 'pending'`,
    );
    if (rows.length === 0) return { ops: lines(ops), board: lines(board) };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Attempts and pauses become older. */
const minutesPass = (minutes: number) =>
  system.db.query(
    `with pauses as (
       update donations.task_pauses set since = since - make_interval(mins => $1)
     )
     update donations.job_attempts set started_at = started_at - make_interval(mins => $1)`,
    [minutes],
  );

const QUIET = { ops: [], board: [] };

it('a day of faults: operators and business users are told each once, in their words, and that it is over', async () => {
  const worker = system.startWorker();
  expect(await check()).toEqual(QUIET);

  // The mail provider is down.
  await system.sandbox.setFaults('sendgrid', { unavailable: true });
  await give(6);
  await untilPause(worker, 'circuit', true);
  await untilAtRest(worker, { send_receipt: 6 });
  await minutesPass(1);
  expect(await check()).toEqual({
    ops: [
      '# [SANDBOX] WARNING: send_receipt provider down for …',
      'WARNING: send_receipt provider down for …',
      'since … (…)',
      'cause: provider down: SendGrid is not available (503)',
      'affected: 6 jobs, 6 donors, $300.00 USD',
      '  donations doctor',
      '  donations jobs errors',
      '  donations alerts show inc_…',
    ],
    board: [
      '# [SANDBOX] Donors may be affected soon',
      'The provider has been down for …. 6 donors ($300.00 USD in gifts) wait for a receipt. Work goes on by itself when it is back. It began … ago; the operators know.',
    ],
  });
  expect(await check()).toEqual(QUIET);
  await minutesPass(10);
  expect(await check()).toEqual({
    ops: [
      '# [SANDBOX] now CRITICAL: send_receipt provider down for …',
      'now CRITICAL: send_receipt provider down for …',
      'since … (…)',
      'cause: provider down: SendGrid is not available (503)',
      'affected: 6 jobs, 6 donors, $300.00 USD',
      '  donations doctor',
      '  donations jobs errors',
      '  donations alerts show inc_…',
    ],
    board: [
      '# [SANDBOX] It got worse: donors are affected',
      'The provider has been down for …. 6 donors ($300.00 USD in gifts) wait for a receipt. Work goes on by itself when it is back. It began … ago; the operators know.',
    ],
  });
  await system.sandbox.clearFaults();
  await untilPause(worker, 'circuit', false);
  await untilAtRest(worker, {});
  expect(await check()).toEqual({
    ops: [
      '# [SANDBOX] recovered: send_receipt provider down for …',
      'recovered: send_receipt provider down for … at the worst',
      'lasted …, from … to …',
      'affected at one time: 6 jobs, 6 donors, $300.00 USD',
      'donations alerts show inc_…',
    ],
    board: [
      '# [SANDBOX] Over: things are in order again',
      'It is over, after …. Up to 6 donors were concerned at one time ($300.00 USD in gifts). At its worst: The provider has been down for …. 6 donors ($300.00 USD in gifts) wait for a receipt. Work goes on by itself when it is back.',
    ],
  });

  // The payment provider refuses the key.
  await system.sandbox.setFaults('stripe', { unauthorized: true });
  await give(2);
  await untilPause(worker, 'misconfigured', true);
  await untilAtRest(worker, { charge_card: 2 });
  await minutesPass(1);
  expect(await check()).toEqual({
    ops: [
      '# [SANDBOX] CRITICAL: charge_card key refused for …',
      'CRITICAL: charge_card key refused for …',
      'since … (…)',
      'cause: Stripe refused the API key (401): Invalid API Key provided: sk_test_******fault',
      'affected: 2 jobs, 2 donors, $100.00 USD',
      '  donations doctor',
      '  donations jobs resume charge_card',
      '  donations alerts show inc_…',
    ],
    board: [
      '# [SANDBOX] Donors are affected: please read',
      'The provider has refused our account for …. 2 donors ($100.00 USD in gifts) wait for their card to be charged. It began … ago; the operators know.',
    ],
  });
  await system.sandbox.clearFaults();
  const resumed = await runCli(['jobs', 'resume', 'charge_card'], { env: system.env });
  expect(resumed.code).toBe(0);
  await untilAtRest(worker, {});
  expect(await check()).toEqual({
    ops: [
      '# [SANDBOX] recovered: charge_card key refused for …',
      'recovered: charge_card key refused for … at the worst',
      'lasted …, from … to …',
      'affected at one time: 2 jobs, 2 donors, $100.00 USD',
      'donations alerts show inc_…',
    ],
    board: [
      '# [SANDBOX] Over: things are in order again',
      'It is over, after …. Up to 2 donors were concerned at one time ($100.00 USD in gifts). At its worst: The provider has refused our account for …. 2 donors ($100.00 USD in gifts) wait for their card to be charged.',
    ],
  });

  // All workers die, and gifts keep coming.
  await worker.kill();
  await give(12);
  await system.db.query(`update donations.workers set seen_at = now() - interval '5 minutes'`);
  expect(await check()).toEqual({
    ops: [
      '# [SANDBOX] CRITICAL: no worker heard for … (and 1 more)',
      'WARNING: charge_card 12 ready',
      'since … (…)',
      'affected: 12 jobs, 12 donors, $600.00 USD',
      '  donations jobs stats',
      '  donations jobs list --ready --task charge_card',
      '  donations worker list',
      '  donations alerts show inc_…',
      '',
      'CRITICAL: no worker heard for …',
      'since … (…)',
      'affected: 12 jobs, 12 donors, $600.00 USD',
      '  donations worker list',
      '  donations worker start',
      '  donations alerts show inc_…',
    ],
    board: [
      '# [SANDBOX] Donors are affected: please read (and 1 more)',
      'More work has come than is done. 12 donors ($600.00 USD in gifts) wait for their card to be charged. It began … ago; the operators know.',
      '',
      'Nothing is charged or sent in the background for … now. 12 donors ($600.00 USD in gifts) wait for what follows from their gift. It began … ago; the operators know.',
    ],
  });
  await untilAtRest(system.startWorker(), {});
  expect(await check()).toEqual({
    ops: [
      '# [SANDBOX] recovered: charge_card 12 ready (and 1 more)',
      'recovered: charge_card 12 ready at the worst',
      'lasted …, from … to …',
      'affected at one time: 12 jobs, 12 donors, $600.00 USD',
      'donations alerts show inc_…',
      '',
      'recovered: no worker heard for … at the worst',
      'lasted …, from … to …',
      'affected at one time: 12 jobs, 12 donors, $600.00 USD',
      'donations alerts show inc_…',
    ],
    board: [
      '# [SANDBOX] Over: things are in order again (and 1 more)',
      'It is over, after …. Up to 12 donors were concerned at one time ($600.00 USD in gifts). At its worst: More work has come than is done. 12 donors ($600.00 USD in gifts) wait for their card to be charged.',
      '',
      'It is over, after …. Up to 12 donors were concerned at one time ($600.00 USD in gifts). At its worst: Nothing is charged or sent in the background for … now. 12 donors ($600.00 USD in gifts) wait for what follows from their gift.',
    ],
  });
  expect(await check()).toEqual(QUIET);

  const { rows } = await system.db.query(
    `select i.rule, count(*)::int as count, bool_and(i.closed_at is not null) as closed
     from donations.incidents i group by 1 order by 1`,
  );
  expect(rows).toEqual(
    ['backlog', 'circuit', 'refused', 'workers'].map((rule) => ({ rule, count: 1, closed: true })),
  );
  const { rows: days } = await system.db.query<{ day: string }>(
    `select (now() at time zone 'utc')::date::text as day`,
  );
  const day = days[0]?.day ?? '';
  const report = await runCli(['report', '--daily', '--day', day], { env: system.env });
  expect(report.stdout.split('\n')).toEqual([
    `SANDBOX: Harbor Lights Foundation, ${day}`,
    '20 gifts, $1,000.00 USD; 0 gifts declined.',
    '20 receipts sent.',
    'Nothing of that day has failed for good.',
    '4 disturbances, 3 of them critical.',
    'Nothing is open now.',
    '',
  ]);
}, 180_000);
