import { afterEach, beforeEach, expect, it } from 'vitest';
import { isComplete, tallySince } from '../../src/lib/donations/tally.ts';
import { runCli } from '../support/cli.ts';
import { donateInBackground } from '../support/donate.ts';
import { gift, type System, startSystem } from '../support/system.ts';

let system: System;
beforeEach(async () => {
  system = await startSystem();
});
afterEach(() => system.close());

const account = () => tallySince(system.db, new Date(0));

it('--once runs due jobs and those that follow from them, then exits 0', async () => {
  for (let i = 0; i < 5; i++) await donateInBackground(system.deps, gift({ name: `Donor ${i}` }));
  const { code } = await system.startWorker({ args: ['--once'] }).ended;
  expect(code).toBe(0);
  expect(await account()).toMatchObject({ charged: 5, tokenized: 5, accepted: 5 });
});

it('runs only the tasks in --tasks', async () => {
  await donateInBackground(system.deps, gift());
  await system.startWorker({ args: ['--once', '--tasks', 'charge_card,tokenize_card'] }).ended;
  expect(await account()).toMatchObject({ charged: 1, tokenized: 1, accepted: 0, receiptsOpen: 1 });
  const { code, stderr } = await runCli(['worker', 'start', '--tasks', 'nonsense'], {
    env: system.env,
  });
  expect(code).toBe(2);
  expect(stderr).toContain('send_receipt');
});

it('finishes running jobs on SIGTERM, returns the others, and logs what it waits for', async () => {
  await system.sandbox.setFaults('stripe', {
    path: 'POST /v1/payment_intents',
    latencyMs: [700, 700],
  });
  for (let i = 0; i < 12; i++) await donateInBackground(system.deps, gift({ name: `Donor ${i}` }));
  const worker = system.startWorker({ args: ['--concurrency', '2'] });
  await worker.until(async () => {
    const { rows } = await system.db.query<{ n: number }>(
      `select count(*)::int as n from donations.donations where status = 'processing'`,
    );
    return rows[0]?.n === 2;
  });
  expect(await worker.stop()).toBe(0);
  expect(worker.output).toMatch(/waiting for \d running jobs?/);
  // Running jobs succeeded, nothing is locked, and the other jobs lost no attempt.
  const { rows } = await system.db.query<{ locked: number; burned: number }>(
    `select count(*) filter (where locked_at is not null)::int as locked,
       count(*) filter (where task_identifier = 'charge_card' and attempts > 0)::int as burned from graphile_worker.jobs`,
  );
  expect(rows).toEqual([{ locked: 0, burned: 0 }]);
  expect(await account()).toMatchObject({ charged: 2, unsettled: 10 });
  const workers = JSON.parse(
    (await runCli(['worker', 'list', '--json'], { env: system.env })).stdout,
  );
  expect(workers).toMatchObject([{ status: 'stopped', concurrency: 2 }]);
});

it('takes over the jobs of a killed worker within seconds, never a live one’s', async () => {
  await system.sandbox.setFaults('sendgrid', { path: 'POST', hangs: true });
  await donateInBackground(system.deps, gift());
  const killed = system.startWorker({ env: { DONATIONS_SENDGRID_TIMEOUT_MS: '60000' } });
  await killed.until(async () => {
    const { rows } = await system.db.query<{ n: number }>(
      `select count(*)::int as n from donations.workers where running::text like '%send_receipt%'`,
    );
    return rows[0]?.n === 1;
  });
  const survivor = system.startWorker();
  await survivor.until((lines) => lines.some(({ msg }) => msg.startsWith('worker started')));
  const alive = JSON.parse(
    (await runCli(['worker', 'list', '--json=status'], { env: system.env })).stdout,
  );
  expect(alive).toEqual([{ status: 'alive' }, { status: 'alive' }]);
  await killed.kill();
  await system.sandbox.clearFaults();
  await survivor.until(async () => isComplete(await account()));
  // The dead worker may have sent the mail, so it is held.
  expect(await account()).toMatchObject({ held: 1, accepted: 0 });
  expect(await system.sandbox.inbox()).toHaveLength(0);
  const { rows } = await system.db.query<{ outcome: string }>(
    `select outcome from donations.job_attempts where task = 'send_receipt' order by started_at`,
  );
  expect(rows.map(({ outcome }) => outcome)).toEqual(['abandoned', 'held']);
  const states = JSON.parse(
    (await runCli(['worker', 'list', '--json=status'], { env: system.env })).stdout,
  );
  expect(states).toEqual([{ status: 'alive' }, { status: 'released' }]);
});

it('shares the work among workers with nothing lost or done twice', async () => {
  for (let i = 0; i < 60; i++) await donateInBackground(system.deps, gift({ name: `Donor ${i}` }));
  // Long deadlines, so that a busy machine loses no answer.
  const env = { DONATIONS_STRIPE_TIMEOUT_MS: '30000', DONATIONS_SENDGRID_TIMEOUT_MS: '30000' };
  const workers = [1, 2, 3].map(() => system.startWorker({ args: ['--concurrency', '3'], env }));
  await workers[0]?.until(async () => isComplete(await account()));
  await Promise.all(workers.map((worker) => worker.stop()));
  expect(await account()).toMatchObject({ charged: 60, tokenized: 60, accepted: 60 });
  const { rows } = await system.db.query<{ workers: number; attempts: number }>(
    'select count(distinct worker_id)::int as workers, count(*)::int as attempts from donations.job_attempts',
  );
  expect(rows[0]?.attempts).toBe(180);
  expect(rows[0]?.workers).toBeGreaterThan(1);
});
