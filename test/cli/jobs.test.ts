import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { donateNow } from '../support/donate.ts';
import { addJob } from '../support/jobs.ts';
import { addDonation } from '../support/records.ts';
import { gift, type System, startSystem } from '../support/system.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem({ DONATIONS_ACTOR: 'grace' });
});
afterAll(() => system.close());
beforeEach(async () => {
  await system.db.query('delete from graphile_worker._private_jobs');
  await system.db.query('delete from donations.job_verdicts');
  await system.db.query('delete from donations.task_pauses');
});

const cli = (...args: string[]) => runCli(args, { env: system.env });
const json = async (...args: string[]) => {
  const { stdout, stderr, code } = await cli(...args, '--json');
  expect(stderr, args.join(' ')).not.toContain('"error"');
  return { code, value: JSON.parse(stdout) };
};
const states = async () => {
  const { value } = await json('jobs', 'list', '--sort', 'oldest');
  return value.map((job: { status: string }) => job.status).sort();
};
const audit = async (action: string) =>
  (
    await system.db.query<{ affected: number | null; filter: string | null; command: string }>(
      `select actor, action, affected, filter, command, reason, detail from donations.audit_log
       where action = $1 order by id`,
      [action],
    )
  ).rows;

describe('jobs list', () => {
  it('says how many there are, and pages on', async () => {
    for (let i = 0; i < 3; i++) await addJob(system.db, { state: 'failed' });
    const first = await cli('jobs', 'list', '--failed', '--limit', '2');
    expect(first.code).toBe(0);
    expect(first.stdout.trim().split('\n')).toHaveLength(3);
    const after = /^2 of 3 jobs\.\nNext: donations jobs list .*--after (\S+)$/m.exec(
      first.stderr,
    )?.[1] as string;
    const second = await cli('jobs', 'list', '--failed', '--limit', '2', '--after', after);
    expect(second.stdout.trim().split('\n')).toHaveLength(2);
    expect(second.stderr).toContain('1 of 3 jobs.');
  });

  it('takes flags, words and both together', async () => {
    const id = await addJob(system.db, { state: 'failed', error: 'timed out', ageMs: 7_200_000 });
    await addJob(system.db, { state: 'failed', error: 'refused' });
    await addJob(system.db, { state: 'held', error: 'timed out' });
    for (const args of [
      ['--failed', '--error', 'TIMED out'],
      ['state:failed', 'error:~"timed out"'],
      ['state:failed error:~timed age:>1h'],
      ['error:~timed', '--failed', '--older-than', '1h', '--task', 'send_receipt'],
    ]) {
      const { value } = await json('jobs', 'list', ...args);
      expect(
        value.map(({ job }: { job: string }) => job),
        args.join(' '),
      ).toEqual([id]);
    }
  });

  it('stops counting at a bound and says so', async () => {
    await system.db.query(`select graphile_worker.add_job('other') from generate_series(1, 10001)`);
    const { stderr } = await cli('jobs', 'list', '--ready', '--limit', '1');
    expect(stderr).toContain('1 of more than 10,000 jobs.');
  });

  it('points at the character that is wrong: exit code 2', async () => {
    const { code, stdout, stderr } = await cli('jobs', 'list', 'task:a stat:failed');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe(
      'donations: filter: there is no term "stat"\n  task:a stat:failed\n         ^ Terms: state job task queue error fingerprint donation donor fund campaign amount received batch retry age since attempts worker payload.<field>\n',
    );
  });

  it.each([
    [['jobs', 'list', '--older-than', 'soon'], 'not a duration'],
    [['jobs', 'list', '--limit', '0'], 'not a whole number'],
    [['jobs', 'list', '--all', '--failed'], '--all'],
    [['jobs', 'list', '--task', 'send_reciept'], 'there is no task "send_reciept"'],
    [['jobs', 'retry', '--failed', '--task', 'send_reciept', '--yes'], 'Tasks: charge_card'],
    [['jobs', 'retry'], 'no jobs are selected'],
    [['jobs', 'retry', '--failed', '--spread', '10m', '--rate', '5/s'], 'contradict each other'],
    [['jobs', 'retry', '--failed', '--rate', 'fast'], 'not a rate'],
    [['jobs', 'reschedule', '--retrying'], 'the time is missing'],
    [['jobs', 'reschedule', '--retrying', '--at', 'later'], 'not a time'],
    [['jobs', 'show', 'don_1'], 'is not the id of a job'],
    [['jobs', 'list', '--donation', '4711'], 'is not the id of a donation'],
    [['jobs', 'list', `error:~${'x'.repeat(10_000)}`], 'longer than 500 characters'],
  ])('%j is refused: exit code 2', async (args, message) => {
    const { code, stderr } = await cli(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  it('of nothing is no error', async () => {
    expect(await cli('jobs', 'list', '--failed')).toMatchObject({
      code: 0,
      stderr: 'No jobs: state:failed\n',
    });
  });
});

describe('jobs show', () => {
  it('tells why, every attempt, what comes next, and masks the payload', async () => {
    const id = await addJob(system.db, {
      state: 'failed',
      error: 'no such address',
      payload: { to: 'ada@example.org', card: '4242 4242 4242 4242', deep: [{ n: 1 }] },
    });
    await system.db.query(
      `insert into donations.job_attempts (job_id, task, attempt, worker_id, started_at, latency_ms, duration_ms,
         outcome, error_class, error_message, http_status, request_id)
       values ($1, 'send_receipt', 1, 'wrk_1', now(), 5, 120, 'failed', 'permanent', 'no such address', 400, 'req_42')`,
      [id],
    );
    const { stdout, stderr } = await cli('jobs', 'show', id);
    for (const fact of ['failed', 'no such address', 'HTTP 400', 'req_42', 'wrk_1', 'took 120ms'])
      expect(stdout).toContain(fact);
    expect(stdout).toContain('fail for good');
    expect(stdout).toContain('"to":"a***@example.org"');
    expect(stdout).not.toContain('4242 4242');
    expect(stderr).toContain(`donations jobs retry ${id}`);
  });

  it('shows a succeeded job from the ledger', async () => {
    await system.db.query(
      `insert into donations.job_attempts (job_id, task, attempt, started_at, latency_ms, duration_ms, outcome)
       values (987654, 'send_receipt', 1, now(), 5, 120, 'succeeded')`,
    );
    const { value } = await json('jobs', 'show', '987654');
    expect(value).toMatchObject({ status: 'done', task: 'send_receipt', commands: [] });
  });

  it('knows no other: exit code 3', async () => {
    expect(await cli('jobs', 'show', '123456789')).toMatchObject({ code: 3, stdout: '' });
  });
});

describe('jobs errors', () => {
  it('groups by cause, and names the command that retries just that group', async () => {
    const error = (n: number) => `no such donation don_${n}abcdefgh on 2026-11-2${n}`;
    for (const n of [1, 2, 3]) await addJob(system.db, { state: 'failed', error: error(n) });
    await addJob(system.db, { state: 'failed', error: error(4), task: 'tokenize_card' });
    await addJob(system.db, { state: 'failed', error: 'something else' });
    await addJob(system.db, { state: 'held', error: 'lost' });
    for (const n of [10, 2000])
      await addJob(system.db, {
        state: 'failed by others',
        task: 'resize',
        error: `bad size ${n}`,
      });
    const { value } = await json('jobs', 'errors');
    expect(value).toHaveLength(4);
    expect(value[0]).toMatchObject({
      failed: 4,
      held: 0,
      tasks: ['send_receipt', 'tokenize_card'],
    });
    const foreign = value.find((group: { tasks: string[] }) => group.tasks[0] === 'resize');
    expect(foreign).toMatchObject({ failed: 2 });
    for (const group of [value[0], foreign]) {
      const filter = group.command.replace(/^donations jobs retry '?(.*?)'?$/, '$1');
      const plan = await json('jobs', 'retry', filter, '--dry-run');
      expect(plan.value.eligible, filter).toBe(group.failed);
    }
  });

  it('knows the trend from the ledger', async () => {
    await system.db.query(
      `insert into donations.job_attempts (job_id, task, attempt, started_at, latency_ms, duration_ms, outcome,
         error_class, error_message, fingerprint)
       select n, 'charge_card', 1, now() - case when n = 1 then interval '90 minutes' else interval '5 minutes' end,
         0, 1, 'retry', 'transient', 'hiccup', 'feedfeedfeed'
       from generate_series(1, 4) n`,
    );
    const { value } = await json('jobs', 'errors');
    const group = value.find(
      (each: { fingerprint: string }) => each.fingerprint === 'feedfeedfeed',
    );
    expect(group).toMatchObject({
      recent: 3,
      recent_before: 1,
      trend: 'rising',
      failed: 0,
      error: 'hiccup',
    });
  });
});

describe('jobs stats', () => {
  it('shows backlog and throughput', async () => {
    await system.db.query('delete from donations.job_attempts');
    for (const state of [
      'ready',
      'ready',
      'running',
      'retrying',
      'scheduled',
      'failed',
      'held',
    ] as const)
      await addJob(system.db, { task: 'tokenize_card', state, ageMs: 600_000 });
    await addJob(system.db, { task: 'resize', state: 'failed by others' });
    await system.db.query(
      `insert into donations.job_attempts (job_id, task, attempt, started_at, latency_ms, duration_ms, outcome)
       select n, 'tokenize_card', 1, now() - interval '1 minute', n * 10, n, case when n <= 20 then 'retry' else 'succeeded' end
       from generate_series(1, 100) n`,
    );
    const { value } = await json('jobs', 'stats', '--window', '10m');
    const card = value.find((row: { task: string }) => row.task === 'tokenize_card');
    expect(card).toMatchObject({
      ready: 2,
      running: 1,
      retrying: 1,
      scheduled: 1,
      failed: 1,
      held: 1,
      done_per_minute: 8,
      error_rate: 0.2,
      latency_p50_ms: 500,
      latency_p95_ms: 950,
      latency_p99_ms: 990,
      duration_p50_ms: 50,
      duration_p95_ms: 95,
      duration_p99_ms: 99,
    });
    expect(Date.now() - Date.parse(card.oldest_ready_at)).toBeGreaterThan(590_000);
    // 85 were enqueued: 80 that are done, and 5 that are still there. Two were enqueued earlier.
    expect(card.enqueued_per_minute).toBeCloseTo(8.5, 5);
    expect(card.drain_ms).toBeNull();
    expect(value.find((row: { task: string }) => row.task === 'resize')).toMatchObject({
      failed: 1,
    });
  });
});

describe('jobs retry', () => {
  it('retries one job without a question, from its first attempt', async () => {
    const id = await addJob(system.db, { state: 'failed' });
    const { code, stdout } = await cli('jobs', 'retry', id, '--reason', 'fixed');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Retried 1 of 1 job.\n' });
    const { value } = await json('jobs', 'list');
    expect(value).toMatchObject([{ job: id, status: 'ready', attempts: 0 }]);
    expect(await audit('jobs.retry')).toMatchObject([
      {
        actor: 'grace',
        reason: 'fixed',
        filter: `job:${id}`,
        command: `donations jobs retry ${id} --reason fixed`,
      },
      {
        affected: 1,
        detail: {
          before: { state: 'failed', jobs: [Number(id)], attempts: [1] },
          after: { attempts: 0 },
        },
      },
    ]);
  });

  it('shows a plan first: how many, which are skipped and why, and the effects on donors', async () => {
    await addJob(system.db, { state: 'failed' });
    await addJob(system.db, { state: 'failed', task: 'charge_card' });
    await addJob(system.db, { state: 'failed by others', task: 'resize' });
    await addJob(system.db, { state: 'failed', errorClass: 'unknown_outcome' });
    for (const state of ['held', 'running', 'ready', 'scheduled'] as const)
      await addJob(system.db, { state });
    const before = await states();
    const { value } = await json('jobs', 'retry', '-state:retrying', '--dry-run');
    expect(value).toMatchObject({ eligible: 3, count: 3, unknown: 0 });
    expect(value.effects).toEqual([
      '1 charge to 0 donors',
      '1 e-mail to 0 donors',
      '1 run of resize, whatever it does',
    ]);
    expect(value.skipped).toEqual(
      expect.arrayContaining([
        { reason: expect.stringContaining('--include-unknown'), count: 2 },
        { reason: 'is running', count: 1 },
        { reason: 'is due already', count: 1 },
        { reason: expect.stringContaining('jobs reschedule'), count: 1 },
      ]),
    );
    expect(await states()).toEqual(before);
  });

  it('asks for a yes off a terminal: exit code 4, nothing changed', async () => {
    for (let i = 0; i < 3; i++) await addJob(system.db, { state: 'failed' });
    const unasked = await cli('jobs', 'retry', '--failed');
    expect(unasked.code).toBe(4);
    expect(unasked.stderr).toContain('--confirm 3');
    const fewer = await cli('jobs', 'retry', '--failed', '--confirm', '2');
    expect(fewer.code).toBe(4);
    expect(fewer.stderr).toContain('2 jobs were confirmed, but 3 would be changed');
    expect(await states()).toEqual(['failed', 'failed', 'failed']);
    expect((await cli('jobs', 'retry', '--failed', '--confirm', '3')).code).toBe(0);
    expect(await states()).toEqual(['ready', 'ready', 'ready']);
  });

  it('never sweeps up what may have been sent, unless told to', async () => {
    const held = await addJob(system.db, { state: 'held' });
    await addJob(system.db, { state: 'failed' });
    expect((await cli('jobs', 'retry', 'state:failed,held', '--yes')).code).toBe(0);
    expect(await states()).toEqual(['held', 'ready']);
    const { stderr } = await cli('jobs', 'retry', held);
    expect(stderr).toContain('--include-unknown');
    expect(await states()).toEqual(['held', 'ready']);
    const told = await cli('jobs', 'retry', held, '--include-unknown');
    expect(told.stderr).toContain('1 may have taken effect already');
    expect(await states()).toEqual(['ready', 'ready']);
  });

  it('spreads them over a time, or by a rate', async () => {
    for (const [flag, value, gap] of [
      ['--spread', '10m', 60_000],
      ['--rate', '2/s', 500],
    ] as const) {
      await system.db.query('delete from graphile_worker._private_jobs');
      for (let i = 0; i < 10; i++) await addJob(system.db, { state: 'failed' });
      expect((await cli('jobs', 'retry', '--failed', '--yes', flag, value)).code).toBe(0);
      const { rows } = await system.db.query<{ ms: number }>(
        `select (extract(epoch from run_at - min(run_at) over ()) * 1000)::float8 as ms
         from graphile_worker._private_jobs order by run_at`,
      );
      expect(rows.map(({ ms }) => Math.round(ms))).toEqual(rows.map((_, i) => i * gap));
    }
  });

  it('takes at most so many, those enqueued first', async () => {
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push(await addJob(system.db, { state: 'failed' }));
    await cli('jobs', 'retry', '--failed', '--limit', '2', '--yes');
    const { value } = await json('jobs', 'list', '--failed');
    expect(value.map(({ job }: { job: string }) => job)).toEqual([ids[2]]);
  });

  it('knows no such job: exit code 3; of a filter that fits nothing it says so: 0', async () => {
    expect((await cli('jobs', 'retry', '123456')).code).toBe(3);
    const none = await cli('jobs', 'retry', '--failed', '--task', 'charge_card', '--yes');
    expect(none).toMatchObject({ code: 0, stdout: '' });
    expect(none.stderr).toContain('Nothing to retry');
  });

  it('sends a receipt whose delivery had failed, once', async () => {
    const donation = await donateNow(system.deps, gift());
    await system.db.query(
      `update donations.receipt_deliveries set status = 'failed', reason = 'refused'
       where receipt_id in (select receipt_id from donations.receipt_donations where donation_id = $1)`,
      [donation.id],
    );
    await system.db.query(
      `with f as (select id, task_identifier from graphile_worker.jobs where task_identifier = 'send_receipt'),
       g as (select j.id from f cross join lateral graphile_worker.permanently_fail_jobs(array[f.id], 'refused') j)
       insert into donations.job_verdicts (job_id, task, donation_id, decision, attempt, error_class, message, fingerprint, applied_at)
       select g.id, 'send_receipt', $1, 'fail', 1, 'permanent', 'refused', 'x', now() from g`,
      [donation.id],
    );
    const plan = await json('jobs', 'retry', '--failed', '--dry-run');
    expect(plan.value.effects).toEqual(['0 charges', '1 e-mail to 1 donor']);
    await cli('jobs', 'retry', '--failed', '--yes');
    const { value } = await json('receipts', 'list');
    expect(value[0]).toMatchObject({ status: 'pending', reason: null });
    expect((await cli('worker', 'start', '--once')).code).toBe(0);
    const mails = await system.sandbox.inbox({ limit: 100 });
    expect(mails.filter(({ delivery_id }) => delivery_id === value[0].delivery)).toHaveLength(1);
  });

  it('leaves a receipt alone that has gone to the donor as a copy since', async () => {
    const donation = await donateNow(system.deps, gift());
    const { rows } = await system.db.query<{ id: string }>(
      `with f as (select id from graphile_worker.jobs where task_identifier = 'send_receipt'),
       g as (select j.id from f cross join lateral graphile_worker.permanently_fail_jobs(array[f.id], 'refused') j)
       insert into donations.job_verdicts (job_id, task, donation_id, decision, attempt, error_class, message, fingerprint, applied_at)
       select g.id, 'send_receipt', $1, 'fail', 1, 'permanent', 'refused', 'x', now() from g returning job_id::text as id`,
      [donation.id],
    );
    await system.db.query(
      `update donations.receipt_deliveries set status = 'failed', reason = 'refused'
       where receipt_id in (select receipt_id from donations.receipt_donations where donation_id = $1)`,
      [donation.id],
    );
    expect((await cli('receipts', 'resend', donation.id)).code).toBe(0);
    expect((await cli('worker', 'start', '--once')).code).toBe(0);
    const { stderr } = await cli('jobs', 'retry', rows[0]?.id as string);
    expect(stderr).toContain('sent as a copy since');
  });
});

describe('a donation that is settled', () => {
  const failedCharge = async (status: 'failed' | 'succeeded') => {
    const donation = await addDonation(system.db, { status });
    const job = await addJob(system.db, {
      task: 'charge_card',
      state: 'failed',
      error: 'no such payment method',
      payload: { donation_id: donation },
    });
    return { donation, job };
  };

  it.each([
    ['failed', 'its donation has failed for good: use donations donate to record a new gift'],
    ['succeeded', 'its donation is settled already'],
  ] as const)('and %s is not charged again by a retry, which says so', async (status, reason) => {
    const { job } = await failedCharge(status);
    const { value } = await json('jobs', 'retry', job, '--dry-run');
    expect(value).toMatchObject({
      eligible: 0,
      skipped: [{ reason, count: 1 }],
      effects: ['0 charges'],
    });
    const { code, stderr } = await cli('jobs', 'retry', job);
    expect(code).toBe(0);
    expect(stderr).toContain(reason);
    expect(await states()).toEqual(['failed']);
  });

  it('has no retry among the commands of its job', async () => {
    const { job, donation } = await failedCharge('failed');
    const { value } = await json('jobs', 'show', job);
    expect(value).toMatchObject({
      next: 'nothing: its donation has failed for good',
      commands: ['donations donate --help', `donations show ${donation}`],
    });
  });

  it('is not counted as retryable in an error group', async () => {
    await failedCharge('failed');
    const [alone] = (await json('jobs', 'errors')).value;
    expect(alone).toMatchObject({ failed: 1, retryable: 0, command: null });
    expect((await cli('jobs', 'errors')).stderr).toContain('To retry these would change nothing.');
    const open = await addDonation(system.db, { status: 'processing' });
    await addJob(system.db, {
      task: 'charge_card',
      state: 'failed',
      error: 'no such payment method',
      payload: { donation_id: open },
    });
    const [both] = (await json('jobs', 'errors')).value;
    expect(both).toMatchObject({
      failed: 2,
      retryable: 1,
      command: expect.stringContaining('jobs retry'),
    });
  });
});

describe('a limit', () => {
  it('limits the plan to the jobs that it will change: effects, tasks and examples', async () => {
    const [first, second] = [await addDonation(system.db), await addDonation(system.db)];
    for (const donation_id of [first, second, second])
      await addJob(system.db, { state: 'failed', payload: { donation_id } });
    await addJob(system.db, { state: 'failed', task: 'tokenize_card' });
    const { value } = await json('jobs', 'retry', '--failed', '--limit', '2', '--dry-run');
    expect(value).toMatchObject({
      eligible: 4,
      count: 2,
      effects: ['0 charges', '2 e-mails to 2 donors'],
      by_task: [{ task: 'send_receipt', count: 2, donor_count: 2 }],
    });
    const { value: done } = await json('jobs', 'retry', '--failed', '--limit', '2', '--yes');
    expect(done).toMatchObject({ changed: 2, planned: 2 });
    const { value: left } = await json('jobs', 'list', '--failed', '--sort', 'oldest');
    expect(left.map((job: { task: string }) => job.task).sort()).toEqual([
      'send_receipt',
      'tokenize_card',
    ]);
  });

  it('reaches from what we failed into what others have', async () => {
    await addJob(system.db, { state: 'failed' });
    const foreign = [];
    for (const ageMs of [1000, 5000])
      foreign.push(await addJob(system.db, { state: 'failed by others', task: 'resize', ageMs }));
    const plan = await json('jobs', 'retry', '--failed', '--limit', '2', '--dry-run');
    expect(plan.value.effects).toContain('1 run of resize, whatever it does');
    await cli('jobs', 'retry', '--failed', '--limit', '2', '--yes');
    const { value } = await json('jobs', 'list', '--failed');
    expect(value.map(({ job }: { job: string }) => job)).toEqual([foreign[0]]);
  });
});

describe('jobs recall', () => {
  const retryByRate = async (...args: string[]) =>
    (await json('jobs', 'retry', ...args, '--rate', '1/h', '--yes')).value.audit as string;
  const bare = (jobs: Record<string, unknown>[]) =>
    jobs.map(({ run_at: _, at: __, ...job }) => job);

  it('restores the failed state of jobs that have not run, and audits it', async () => {
    for (let i = 0; i < 3; i++)
      await addJob(system.db, {
        state: 'failed',
        attempts: 3,
        error: `no way ${i}`,
        ageMs: 1000 * i,
      });
    await addJob(system.db, { state: 'failed by others', task: 'resize', error: 'too big' });
    const before = (await json('jobs', 'list', '--sort', 'oldest')).value;
    const told = await cli('jobs', 'retry', '--failed', '--rate', '1/h', '--yes');
    const operation = /jobs recall (aud_\w+)/.exec(told.stderr)?.[1] as string;
    // The first is due at once, and done.
    await system.db.query('select graphile_worker.complete_jobs(array[$1::bigint])', [
      before[0].job,
    ]);
    expect((await json('jobs', 'list', `retry:${operation.slice(0, 20)}`)).value).toHaveLength(3);

    const plan = await json('jobs', 'recall', operation, '--dry-run');
    expect(plan.value).toMatchObject({ action: 'jobs.recall', eligible: 3 });
    expect((await cli('jobs', 'recall', operation)).code).toBe(4);
    const done = await json(
      'jobs',
      'recall',
      operation.slice(0, 20),
      '--yes',
      '--reason',
      'wrong logo',
    );
    expect(done.value).toMatchObject({ changed: 3 });
    const after = (await json('jobs', 'list', '--sort', 'oldest')).value;
    // Jobs that others had failed have no verdict, so the number of their attempts is unknown.
    expect(bare(after)).toEqual(bare(before.slice(1)));
    expect(await audit('jobs.recall')).toMatchObject([
      { reason: 'wrong logo', filter: expect.stringContaining(`retry:${operation}`) },
      { affected: 3, detail: { after: { failed_again: true } } },
    ]);
    const again = await cli('jobs', 'recall', operation, '--yes');
    expect(again).toMatchObject({ code: 0, stdout: '' });
    expect(again.stderr).toContain('Nothing to recall');
  });

  it('leaves alone what has run since, and says so', async () => {
    await addJob(system.db, { state: 'failed' });
    const second = await addJob(system.db, { state: 'failed' });
    const operation = await retryByRate('--failed');
    await system.db.query(
      `update graphile_worker._private_jobs set attempts = 1, last_error = 'again',
         run_at = now() + interval '1 minute' where id = $1`,
      [second],
    );
    const { value } = await json('jobs', 'recall', operation, '--yes');
    expect(value).toMatchObject({
      changed: 1,
      skipped: [{ reason: 'has run since, and will be retried automatically', count: 1 }],
    });
    expect(await states()).toEqual(['failed', 'retrying']);
  });

  it('gives back a delivery that was held, or had failed', async () => {
    for (const [decision, status] of [
      ['hold', 'held'],
      ['fail', 'failed'],
    ] as const) {
      const donation = await donateNow(system.deps, gift());
      const { rows } = await system.db.query<{ id: string }>(
        `with f as (select id from graphile_worker.jobs
           where task_identifier = 'send_receipt' and attempts < max_attempts),
         g as (select j.id from f cross join lateral graphile_worker.permanently_fail_jobs(array[f.id], 'lost') j)
         insert into donations.job_verdicts (job_id, task, donation_id, decision, attempt, error_class, message, fingerprint, applied_at)
         select g.id, 'send_receipt', $1, $2, 1, 'unknown_outcome', 'lost', 'x', now() from g returning job_id::text as id`,
        [donation.id, decision],
      );
      await system.db.query(
        `update donations.receipt_deliveries set status = 'sending', claim = gen_random_uuid()
         where receipt_id in (select receipt_id from donations.receipt_donations where donation_id = $1)`,
        [donation.id],
      );
      await system.db.query(
        `update donations.receipt_deliveries set status = $2, reason = 'lost'
         where receipt_id in (select receipt_id from donations.receipt_donations where donation_id = $1)`,
        [donation.id, status],
      );
      const delivery = async () =>
        (await json('receipts', 'list')).value.find(
          (each: { donation: string }) => each.donation === donation.id,
        );
      const operation = await retryByRate(rows[0]?.id as string, '--include-unknown');
      expect(await delivery()).toMatchObject({ status: 'pending', reason: null });
      await json('jobs', 'recall', operation, '--yes');
      expect(await delivery()).toMatchObject({ status, reason: 'lost' });
    }
  });

  it('knows no such retry: exit code 3', async () => {
    const { code, stderr } = await cli('jobs', 'recall', 'aud_01zzz');
    expect(code).toBe(3);
    expect(stderr).toContain('donations audit --action jobs.retry');
  });
});

describe('jobs reschedule', () => {
  it('runs waiting jobs sooner or later, and keeps their attempts', async () => {
    const id = await addJob(system.db, { state: 'retrying', attempts: 3 });
    await addJob(system.db, { state: 'failed' });
    const { value } = await json('jobs', 'reschedule', '-state:running', '--now', '--yes');
    expect(value).toMatchObject({ changed: 1, skipped: [{ count: 1 }] });
    expect((await json('jobs', 'list', '--ready')).value).toMatchObject([{ job: id, attempts: 3 }]);
    await cli('jobs', 'reschedule', id, '--in', '2h');
    const [job] = (await json('jobs', 'list', '--retrying')).value;
    expect(Date.parse(job.run_at) - Date.now()).toBeGreaterThan(7_100_000);
  });
});

describe('jobs discard', () => {
  it('keeps what it takes away, and gives it back as it was', async () => {
    const failed = await addJob(system.db, {
      state: 'failed',
      attempts: 3,
      key: 'k1',
      queue: 'q1',
      payload: { a: 1 },
      error: 'no way',
    });
    const ready = await addJob(system.db, { payload: { b: 2 } });
    const foreign = await addJob(system.db, { state: 'failed by others', task: 'resize' });
    const before = (await json('jobs', 'list')).value;
    const gone = await json(
      'jobs',
      'discard',
      failed,
      ready,
      foreign,
      '--yes',
      '--reason',
      'test data',
    );
    expect(gone.value).toMatchObject({ changed: 3 });
    expect(await states()).toEqual([]);
    const shown = await json('jobs', 'show', failed);
    expect(shown.value).toMatchObject({
      status: 'discarded',
      discarded: { actor: 'grace', reason: 'test data' },
      commands: [`donations jobs restore ${failed}`],
    });
    const back = await json('jobs', 'restore', gone.value.audit);
    expect(back.value).toMatchObject({ restored: 3, replaced: 0 });
    const after = (await json('jobs', 'list')).value;
    const bare = (jobs: Record<string, unknown>[]) =>
      jobs.map(({ job: _, created_at: __, at: ___, ...rest }) => rest);
    expect(bare(after)).toEqual(expect.arrayContaining(bare(before)));
    expect(after).toHaveLength(3);
    expect((await cli('jobs', 'restore', gone.value.audit)).code).toBe(3);
    expect((await cli('jobs', 'restore', '123456')).code).toBe(3);
  });

  it('does not take the place of a job of the same key', async () => {
    const id = await addJob(system.db, { key: 'same' });
    await cli('jobs', 'discard', id, '--yes');
    const other = await addJob(system.db, { key: 'same' });
    expect((await json('jobs', 'restore', id)).value).toMatchObject({ restored: 0, replaced: 1 });
    expect((await json('jobs', 'list')).value).toMatchObject([{ job: other }]);
  });

  it('asks y or n for one job: exit code 4 off a terminal', async () => {
    const id = await addJob(system.db);
    expect((await cli('jobs', 'discard', id)).code).toBe(4);
    expect(await states()).toEqual(['ready']);
  });

  it('skips the job that an open donation needs to be settled', async () => {
    const { id } = (
      await json(
        'donate',
        '--amount',
        '5',
        '--currency',
        'usd',
        '--email',
        'a@example.org',
        '--name',
        'A',
        '--payment-method',
        'pm_card_visa',
        '--background',
      )
    ).value;
    const plan = await json('jobs', 'discard', `donation:${id}`, '--ready', '--dry-run');
    expect(plan.value).toMatchObject({ eligible: 0, skipped: [{ count: 1 }] });
    const told = await json(
      'jobs',
      'discard',
      `donation:${id}`,
      '--ready',
      '--include-unsettled',
      '--yes',
    );
    expect(told.value).toMatchObject({ changed: 1 });
  });
});
