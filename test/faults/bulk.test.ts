import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { launcherPath } from '../../src/lib/launcher.ts';
import { runCli } from '../support/cli.ts';
import { addJob } from '../support/jobs.ts';
import { addDonation } from '../support/records.ts';
import { type System, startSystem } from '../support/system.ts';

const FIRST_CHUNK = 500;

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system.close());
beforeEach(async () => {
  await system.db.query('delete from graphile_worker._private_jobs');
  await system.db.query('delete from donations.job_verdicts');
});

const cli = (...args: string[]) => runCli(args, { env: system.env });

/** Adds many failed jobs of a task that none of our workers runs, with statistics from before. */
async function seed(count: number): Promise<void> {
  await system.db.query('vacuum analyze graphile_worker._private_jobs');
  await system.db.query('vacuum analyze donations.job_verdicts');
  const { rows } = await system.db.query<{ ids: string[] }>(
    `select array_agg(id::text) as ids
     from graphile_worker.add_jobs(array(
       select ('resize', '{}', null, now(), 5, null, 0, null)::graphile_worker.job_spec
       from generate_series(1, $1::int)))`,
    [count],
  );
  await system.db.query(
    `with failed as (
       select id from graphile_worker.permanently_fail_jobs($1::bigint[], 'too big')
     )
     insert into donations.job_verdicts (job_id, task, decision, attempt, error_class, message, fingerprint, applied_at)
     select id, 'resize', 'fail', 1, 'permanent', 'too big', 'f', now() from failed`,
    [rows[0]?.ids],
  );
}

const count = async (where: string) => {
  const { rows } = await system.db.query<{ n: number }>(
    `select count(*)::int as n from graphile_worker.jobs where ${where}`,
  );
  return rows[0]?.n;
};
/** Resolves when `right` accepts the number of the commands' connections in this state. */
async function commands(state: string, right: (count: number) => boolean): Promise<void> {
  const sql = `select 1 from pg_stat_activity
    where datname = current_database() and application_name like 'donations jobs%' and ${state}`;
  while (!right((await system.db.query(sql)).rows.length)) await setImmediate();
}
/** All jobs that the audit trail records as changed, in order of the change. */
const audited = async (action: string) => {
  const { rows } = await system.db.query<{ id: string }>(
    `select job as id from donations.audit_log, jsonb_array_elements_text(detail->'before'->'jobs') job
     where action = $1`,
    [action],
  );
  return rows.map(({ id }) => id);
};

it('operators who retry the same filter at once retry each job once', async () => {
  await seed(12_000);
  const all = await Promise.all(
    [1, 2, 3].map(() => cli('jobs', 'retry', '--failed', '--yes', '--json')),
  );
  const changed = all.map(({ stdout }) => (stdout ? JSON.parse(stdout).changed : 0));
  expect(changed.reduce((sum, each) => sum + each, 0)).toBe(12_000);
  const ids = await audited('jobs.retry');
  expect(ids).toHaveLength(12_000);
  expect(new Set(ids).size).toBe(12_000);
  expect(await count('attempts = 0')).toBe(12_000);
});

const TOMBSTONE_IN_LATER_CHUNK = `
  insert into donations.discarded_jobs (job_id, operation, task, payload, priority, run_at, attempts,
    max_attempts, created_at)
  select id, 'op', 'resize', '{}', 0, now(), 1, 1, now()
  from graphile_worker._private_jobs order by id offset 5000 limit 1`;

it.each(['SIGKILL', 'SIGINT'] as const)(
  '%s in the middle leaves whole chunks, done and audited; again does the rest',
  async (signal) => {
    const before = (await audited('jobs.discard')).length;
    await seed(20_000);
    const args = [launcherPath(), 'jobs', 'discard', '--failed', '--yes'];
    const closed = await system.db.transaction(async (tx) => {
      // Discarding that job waits for this transaction.
      await tx.query(TOMBSTONE_IN_LATER_CHUNK);
      const child = spawn(process.execPath, args, { env: system.env, stdio: 'ignore' });
      const end = once(child, 'close');
      await Promise.race([commands(`wait_event_type = 'Lock'`, (n) => n > 0), end]);
      child.kill(signal);
      await tx.query('rollback');
      return { end };
    });
    const [code] = await closed.end;
    // Postgres notices a killed client only when it writes to it.
    await commands('true', (n) => n === 0);
    if (signal === 'SIGINT') expect(code).toBe(130);
    const left = (await count('true')) as number;
    const done = (await audited('jobs.discard')).length - before;
    // Another chunk may have been under way.
    expect(done % 4000).toBe(FIRST_CHUNK);
    expect(left).toBeGreaterThan(0);
    expect(done + left).toBe(20_000);
    const again = await cli('jobs', 'discard', '--failed', '--yes');
    expect(again.code).toBe(0);
    expect(await count('true')).toBe(0);
    expect(new Set(await audited('jobs.discard')).size).toBe(before + 20_000);
  },
);

it('a chunk that fails is rolled back completely, and ends the change', async () => {
  const before = (await audited('jobs.discard')).length;
  await seed(20_000);
  await system.db.query(TOMBSTONE_IN_LATER_CHUNK);
  const { code, stderr } = await cli('jobs', 'discard', '--failed', '--yes');
  const done = (await audited('jobs.discard')).length - before;
  expect(code).toBe(70);
  expect(stderr).toContain('discarded_jobs_pkey');
  expect(stderr).toContain(
    `${done.toLocaleString('en-US')} of 20,000 jobs were changed before this error`,
  );
  expect(done % 4000).toBe(FIRST_CHUNK);
  expect(await count('true')).toBe(20_000 - done);
  expect(done).toBeLessThan(20_000);
  expect(done).toBeGreaterThan(0);
});

it('a set that has grown since the plan is refused: exit code 4, nothing changed', async () => {
  await seed(3);
  const { code, stderr } = await cli('jobs', 'retry', '--failed', '--confirm', '2');
  expect(code).toBe(4);
  expect(stderr).toContain('but 3 would be changed');
  expect(await count('attempts = 0')).toBe(0);
});

it('a job that a worker runs is never changed', async () => {
  const id = await addJob(system.db, { task: 'resize', state: 'running' });
  for (const args of [
    ['retry', id],
    ['discard', id, '--yes'],
    ['reschedule', id, '--now'],
  ]) {
    const { stderr } = await cli('jobs', ...args);
    expect(stderr, args.join(' ')).toContain('1: is running');
  }
  expect(await count('locked_at is not null')).toBe(1);
});

it('the canary runs first, and when it fails the rest is not changed: exit code 5', async () => {
  for (let i = 0; i < 6; i++) {
    // The delivery does not exist, so the job fails permanently.
    await addJob(system.db, {
      state: 'failed',
      payload: { donation_id: 'don_x', delivery_id: `dlv_${i}` },
    });
  }
  const worker = system.startWorker();
  await worker.until((lines) => lines.some(({ msg }) => msg.startsWith('worker started')));
  const { code, stdout, stderr } = await cli('jobs', 'retry', '--failed', '--canary', '2', '--yes');
  expect({ code, stdout }).toEqual({ code: 5, stdout: 'Retried 2 of 6 jobs.\n' });
  expect(stderr).toContain('the canary failed');
  const { rows } = await system.db.query<{ n: number }>(
    `select count(distinct job_id)::int as n from donations.job_attempts where outcome = 'failed'`,
  );
  expect(rows[0]?.n).toBe(2);
  await worker.stop();
});

/** Failed jobs that succeed when they are retried, because there is no card to save. */
async function addEasyJobs(count: number): Promise<void> {
  const donation_id = await addDonation(system.db);
  for (let i = 0; i < count; i++)
    await addJob(system.db, { state: 'failed', task: 'tokenize_card', payload: { donation_id } });
}

it('the rest follows after a successful canary', async () => {
  await addEasyJobs(30);
  const worker = system.startWorker();
  await worker.until((lines) => lines.some(({ msg }) => msg.startsWith('worker started')));
  const { code, stdout } = await cli('jobs', 'retry', '--failed', '--canary', '2', '--yes');
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'Retried 30 of 30 jobs.\n' });
  await worker.stop();
});

it('a canary without a live worker is refused at once, and nothing is changed', async () => {
  await addJob(system.db, { state: 'failed' });
  const { code, stderr } = await cli('jobs', 'retry', '--failed', '--canary', '1', '--yes');
  expect(code).toBe(1);
  expect(stderr).toContain('no live worker runs send_receipt');
  expect(stderr).toContain('donations worker start --tasks send_receipt');
  expect(await count('attempts = 0')).toBe(0);
});

it('when the worker of a canary is gone, the rest is not changed: exit code 5', async () => {
  await addEasyJobs(3);
  const worker = system.startWorker();
  await worker.until((lines) => lines.some(({ msg }) => msg.startsWith('worker started')));
  const { id } = (
    await system.db.query<{ id: string }>(
      'select id from donations.workers where stopped_at is null',
    )
  ).rows[0] as { id: string };
  // It runs nothing, but counts as alive until its heartbeat is old.
  worker.signal('SIGSTOP');
  await system.db.query(
    `update donations.workers set seen_at = now() + interval '8 seconds' where id = $1`,
    [id],
  );
  const { code, stderr } = await cli('jobs', 'retry', '--failed', '--canary', '1', '--yes');
  expect(code).toBe(5);
  expect(stderr).toContain('no worker runs these jobs any more');
  expect(await count('attempts = 0')).toBe(1);
  await worker.kill();
});

it('a canary of a paused task is refused', async () => {
  await addJob(system.db, { state: 'failed' });
  await system.db.query(
    `insert into donations.task_pauses (task, cause, reason) values ('send_receipt', 'operator', 'outage')`,
  );
  const { code, stderr } = await cli('jobs', 'retry', '--failed', '--canary', '1', '--yes');
  await system.db.query('delete from donations.task_pauses');
  expect(code).toBe(1);
  expect(stderr).toContain('donations jobs resume send_receipt');
});
