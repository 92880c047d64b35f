import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isComplete, tallySince } from '../../src/lib/donations/tally.ts';
import { pauseTask } from '../../src/lib/queue/run/pauses.ts';
import { runCli } from '../support/cli.ts';
import { donateInBackground } from '../support/donate.ts';
import { addJob } from '../support/jobs.ts';
import { gift, hurry, type System, startSystem, type TestWorker } from '../support/system.ts';

let system: System;
beforeEach(async () => {
  system = await startSystem({ DONATIONS_ACTOR: 'grace' });
});
afterEach(() => system.close());

const cli = (...args: string[]) => runCli(args, { env: system.env });
const json = async (...args: string[]) => {
  const { stdout, code } = await cli(...args, '--json');
  expect(code).toBe(0);
  return JSON.parse(stdout);
};
const account = () => tallySince(system.db, new Date(0));
const pauses = async () =>
  (
    await system.db.query(
      'select task, cause, reason, until, since from donations.task_pauses order by cause',
    )
  ).rows;
const audits = async () =>
  (
    await system.db.query(
      'select actor, action, subject, reason, command, detail from donations.audit_log order by id',
    )
  ).rows;
const logged = (worker: TestWorker, words: string) =>
  worker.until((lines) => lines.some(({ msg }) => msg.startsWith(words)));

describe('jobs pause', () => {
  it('is over for doctor, too, when its time is over', async () => {
    await cli('jobs', 'pause', 'send_receipt', '--for', '1h');
    const queue = async () =>
      (await json('doctor')).find(({ check }: { check: string }) => check === 'queue');
    expect(await queue()).toMatchObject({ message: expect.stringContaining('paused') });
    await system.db.query(`update donations.task_pauses set until = now() - interval '1 second'`);
    expect(await queue()).toMatchObject({ status: 'ok', message: 'no job is waiting' });
  });

  it('says what it stops, for how long and what ends it, and is audited', async () => {
    for (let i = 0; i < 3; i++) await addJob(system.db);
    await addJob(system.db, { state: 'running' });
    await addJob(system.db, { state: 'scheduled' });
    await addJob(system.db, { task: 'charge_card' });
    const { code, stdout, stderr } = await cli(
      ...['jobs', 'pause', 'send_receipt', '--reason', 'wrong logo', '--for', '30m'],
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^send_receipt is paused until \d{4}-.*Z, in 30m\.\n$/);
    expect(stderr).toContain('Due now: 3,');
    expect(stderr).toContain('Running now: 1,');
    expect(stderr).toContain('Next: donations jobs resume send_receipt');
    const { rows } = await system.db.query<{ minutes: number }>(
      'select extract(epoch from until - since)::int / 60 as minutes from donations.task_pauses',
    );
    expect(rows).toEqual([{ minutes: 30 }]);
    expect(await audits()).toMatchObject([
      {
        actor: 'grace',
        action: 'jobs.pause',
        subject: 'send_receipt',
        reason: 'wrong logo',
        command: "donations jobs pause send_receipt --reason 'wrong logo' --for 30m",
        detail: { before: [], after: [{ cause: 'operator', reason: 'grace: wrong logo' }] },
      },
    ]);
  });

  it('counts to a bound and says so', async () => {
    await system.db.query(
      `select graphile_worker.add_job('send_receipt') from generate_series(1, 10001)`,
    );
    expect((await cli('jobs', 'pause', 'send_receipt')).stderr).toContain('Due now: 10,000+,');
    expect(await json('jobs', 'pause', 'send_receipt')).toMatchObject({
      due: 10_000,
      due_is_more: true,
      until: null,
    });
  });

  it('again gives it another reason and end, and begins anew when its time was over', async () => {
    await cli('jobs', 'pause', 'send_receipt', '--for', '1h', '--reason', 'first');
    const [first] = await pauses();
    const { stderr } = await cli('jobs', 'pause', 'send_receipt', '--reason', 'second');
    expect(stderr).toContain('It was paused before, by grace: first.');
    const both = 'grace: second; before that grace: first';
    expect(await pauses()).toEqual([{ ...first, reason: both, until: null }]);
    expect((await audits())[1]).toMatchObject({
      detail: { before: [{ reason: 'grace: first' }], after: [{ reason: both }] },
    });
    await system.db.query(
      `update donations.task_pauses set since = now() - interval '2 d', until = now() - interval '1 d'`,
    );
    expect((await cli('jobs', 'pause', 'send_receipt')).stderr).not.toContain('before');
    const [last] = await pauses();
    expect(last).toMatchObject({ reason: 'grace: no reason given', until: null });
    expect(last?.since > first?.since).toBe(true);
  });

  it.each([
    [['jobs', 'pause', 'nonsense'], 'send_receipt'],
    [['jobs', 'resume', 'nonsense'], 'send_receipt'],
    [['jobs', 'pause', 'send_receipt', '--for', 'soon'], 'not a duration'],
    [['jobs', 'pause'], 'task'],
  ])('%j is a usage error and changes nothing', async (args, words) => {
    const { code, stderr } = await cli(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(words);
    expect(await pauses()).toEqual([]);
    expect(await audits()).toEqual([]);
  });

  it('is shown wherever the queue is', async () => {
    await cli('jobs', 'pause', 'send_receipt', '--reason', 'wrong logo', '--for', '30m');
    for (const args of [
      ['worker', 'list'],
      ['jobs', 'list'],
      ['jobs', 'stats'],
    ]) {
      const { stderr } = await cli(...args);
      expect(stderr, args.join(' ')).toMatch(
        /^‖ send_receipt is paused since .* by an operator: grace: wrong logo \(until .*, in 30m\) — donations jobs resume send_receipt$/m,
      );
    }
    await cli('jobs', 'resume', 'send_receipt');
    expect((await cli('worker', 'list')).stderr).not.toContain('paused');
  });
});

describe('jobs resume', () => {
  it('ends every cause, says which, and is audited', async () => {
    await cli('jobs', 'pause', 'send_receipt', '--reason', 'wrong logo');
    const down = { task: 'send_receipt', cause: 'circuit', reason: 'down', probes: 0 } as const;
    await pauseTask(system.db, down);
    const { code, stdout, stderr } = await cli(
      ...['jobs', 'resume', 'send_receipt', '--reason', 'logo is right'],
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'send_receipt runs again.\n' });
    expect(stderr).toContain('by an operator: grace: wrong logo');
    expect(stderr).toContain('by the circuit breaker: down');
    expect(stderr).toContain('the first failure pauses the task again');
    expect(await pauses()).toEqual([]);
    const entry = (await audits())[1];
    expect(entry?.detail.before.map(({ cause }: { cause: string }) => cause).sort()).toEqual([
      'circuit',
      'operator',
    ]);
    expect(entry).toMatchObject({
      action: 'jobs.resume',
      subject: 'send_receipt',
      reason: 'logo is right',
      detail: { after: [] },
    });
  });

  it('of a task that is not paused says so, and is not audited', async () => {
    const over = { task: 'send_receipt', cause: 'operator', reason: 'over' } as const;
    await pauseTask(system.db, { ...over, until: new Date(Date.now() - 1000) });
    const { code, stdout } = await cli('jobs', 'resume', 'send_receipt');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'send_receipt is not paused.\n' });
    expect(await json('jobs', 'resume', 'send_receipt')).toEqual({
      task: 'send_receipt',
      resumed: [],
    });
    expect(await audits()).toEqual([]);
  });
});

describe('workers', () => {
  // A pause that a probe has ended is kept for a while.
  const inForce = async () =>
    (await pauses()).filter(({ until }) => until === null || until > new Date());

  const SEEN_WITHIN_MS = 2000;

  it('all obey a pause within two seconds, across restarts, and lose no attempt', async () => {
    const { db, sandbox, deps } = system;
    const COUNT = 40;
    await sandbox.setFaults('sendgrid', { path: 'POST', latencyMs: [100, 100] });
    const workers = [1, 2].map(() => system.startWorker({ args: ['--concurrency', '2'] }));
    for (let i = 0; i < COUNT; i++) await donateInBackground(deps, gift({ name: `Donor ${i}` }));
    // In the middle of the work, with jobs in the workers' local queues.
    await workers[0]?.until(async () => (await account()).accepted > 3);
    await cli('jobs', 'pause', 'send_receipt');
    const since = (await pauses())[0]?.since as Date;
    await Promise.all(workers.map((worker) => logged(worker, 'send_receipt paused')));
    expect(Date.now() - since.getTime()).toBeLessThan(SEEN_WITHIN_MS);
    // Other tasks continue.
    await workers[0]?.until(async () => (await account()).tokenized === COUNT);
    await Promise.all(workers.map((worker) => worker.stop()));
    const sent = (await account()).accepted;
    expect(sent).toBeLessThan(COUNT);

    const restarted = system.startWorker();
    await logged(restarted, 'worker started');
    await hurry(db);
    await donateInBackground(deps, gift({ name: 'One more' }));
    await restarted.until(async () => (await account()).tokenized === COUNT + 1);
    expect((await account()).accepted).toBe(sent);

    await cli('jobs', 'resume', 'send_receipt');
    const resumed = Date.now();
    await logged(restarted, 'send_receipt resumed');
    expect(Date.now() - resumed).toBeLessThan(SEEN_WITHIN_MS);
    await restarted.until(async () => isComplete(await account()));
    expect(await sandbox.inbox({ limit: 100 })).toHaveLength(COUNT + 1);
    const { rows } = await db.query<{ late: number; most: number }>(
      `select count(*) filter (where started_at between $1::timestamptz + interval '2 s' and $2)::int as late,
         max(attempt)::int as most
       from donations.job_attempts where task = 'send_receipt'`,
      [since, new Date(resumed - 1000)],
    );
    expect(rows).toEqual([{ late: 0, most: 1 }]);
  });

  it('probe a provider that is down, and heed the operator as long as he wants it', async () => {
    const { db, sandbox, deps } = system;
    await sandbox.setFaults('sendgrid', { unavailable: true });
    for (let i = 0; i < 10; i++) await donateInBackground(deps, gift({ name: `Donor ${i}` }));
    const worker = system.startWorker();
    await logged(worker, 'send_receipt paused');
    await cli('jobs', 'pause', 'send_receipt', '--reason', 'looking into it');
    await worker.until((lines) => lines.filter(({ msg }) => msg.includes('paused: ')).length === 2);

    // The circuit closes during the operator's pause: still nothing is sent.
    await sandbox.clearFaults();
    await worker.until(async () => (await inForce()).length === 1);
    expect(await inForce()).toMatchObject([{ cause: 'operator' }]);
    await worker.until(async () => (await account()).tokenized === 10);
    expect((await account()).accepted).toBe(0);
    expect(worker.output).not.toContain('send_receipt resumed');

    // The reverse order: the operator's pause ends first, by itself, and the circuit is still
    // probed.
    await sandbox.setFaults('sendgrid', { unavailable: true });
    await db.query(
      `insert into donations.task_pauses (task, cause, reason, next_probe_at)
       values ('send_receipt', 'circuit', 'down', now() + interval '1 s')
       on conflict (task, cause) do update set until = null, next_probe_at = excluded.next_probe_at`,
    );
    await cli('jobs', 'pause', 'send_receipt', '--for', '1s');
    await worker.until(async () => {
      const { rows } = await db.query(
        `select 1 from donations.task_pauses where cause = 'operator' and until < now()`,
      );
      return rows.length === 1;
    });
    await hurry(db);
    expect((await account()).accepted).toBe(0);
    await sandbox.clearFaults();
    await worker.until(async () => isComplete(await account()));
    expect(await account()).toMatchObject({ accepted: 10, held: 0, receiptsFailed: 0 });
  });
});
