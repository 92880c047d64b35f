import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { launcherPath } from '../../src/lib/launcher.ts';
import { runCli } from '../support/cli.ts';
import { addJob } from '../support/jobs.ts';
import { type System, startSystem } from '../support/system.ts';

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

/** Many failed jobs of a task that no worker of ours runs. */
async function seed(count: number): Promise<void> {
  await system.db.query(
    `with added as (
       select (graphile_worker.add_job('resize', max_attempts => 5)).id from generate_series(1, $1::int)
     ), failed as (
       select count(*) from added cross join lateral graphile_worker.permanently_fail_jobs(array[added.id], 'too big')
     )
     insert into donations.job_verdicts (job_id, task, decision, attempt, error_class, message, fingerprint, applied_at)
     select id, 'resize', 'fail', 1, 'permanent', 'too big', 'f', now() from added, failed`,
    [count],
  );
}

const count = async (where: string) => {
  const { rows } = await system.db.query<{ n: number }>(
    `select count(*)::int as n from graphile_worker.jobs where ${where}`,
  );
  return rows[0]?.n;
};
const audits = async () => {
  const { rows } = await system.db.query<{ n: number }>(
    'select count(*)::int as n from donations.audit_log where affected > 0',
  );
  return rows[0]?.n;
};
/** Every job that the audit trail says was changed, in the order in which it was. */
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

it.each(['SIGKILL', 'SIGINT'] as const)(
  '%s in the middle leaves whole chunks, done and audited; again does the rest',
  async (signal) => {
    const before = (await audited('jobs.discard')).length;
    await seed(12_000);
    const child = spawn(
      process.execPath,
      [launcherPath(), 'jobs', 'discard', '--failed', '--yes'],
      {
        env: system.env,
        stdio: 'ignore',
      },
    );
    // The audit trail tells when the first chunk is done.
    const entries = await audits();
    while ((await audits()) === entries) await new Promise(setImmediate);
    child.kill(signal);
    const [code] = await once(child, 'close');
    if (signal === 'SIGINT') expect(code).toBe(130);
    const left = (await count('true')) as number;
    const done = (await audited('jobs.discard')).length - before;
    expect(left).toBeGreaterThan(0);
    expect(done + left).toBe(12_000);
    expect(done % 4000).toBe(0);
    const again = await cli('jobs', 'discard', '--failed', '--yes');
    expect(again.code).toBe(0);
    expect(await count('true')).toBe(0);
    expect(new Set(await audited('jobs.discard')).size).toBe(before + 12_000);
  },
);

it('a set that has grown since the plan is refused: exit code 4, nothing changed', async () => {
  await seed(3);
  const { code, stderr } = await cli('jobs', 'retry', '--failed', '--confirm', '2');
  expect(code).toBe(4);
  expect(stderr).toContain('it would be 3');
  expect(await count('attempts = 0')).toBe(0);
});

it('a job that a worker has is never touched', async () => {
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

it('the canary goes first, and when it fails the rest is left alone: exit code 5', async () => {
  for (let i = 0; i < 6; i++) {
    // There is no such delivery: it fails for good.
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

it('after a canary that succeeds the rest follows', async () => {
  for (let i = 0; i < 30; i++) {
    await addJob(system.db, { state: 'failed', task: 'maintain_ledger' });
  }
  const worker = system.startWorker();
  await worker.until((lines) => lines.some(({ msg }) => msg.startsWith('worker started')));
  const { code, stdout } = await cli('jobs', 'retry', '--failed', '--canary', '2', '--yes');
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'Retried 30 of 30 jobs.\n' });
  await worker.stop();
});

it('a canary of a paused task would tell nothing: it is refused', async () => {
  await addJob(system.db, { state: 'failed' });
  await system.db.query(
    `insert into donations.task_pauses (task, cause, reason) values ('send_receipt', 'operator', 'outage')`,
  );
  const { code, stderr } = await cli('jobs', 'retry', '--failed', '--canary', '1', '--yes');
  await system.db.query('delete from donations.task_pauses');
  expect(code).toBe(1);
  expect(stderr).toContain('donations jobs resume send_receipt');
});
