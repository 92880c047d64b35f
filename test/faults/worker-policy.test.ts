import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isComplete, tallySince } from '../../src/lib/donations/tally.ts';
import type { FaultRule } from '../../src/lib/sandbox/faults.ts';
import { donateInBackground } from '../support/donate.ts';
import { gift, hurry, type System, startSystem } from '../support/system.ts';

let system: System;
beforeEach(async () => {
  system = await startSystem();
});
afterEach(() => system.close());

interface Ended {
  outcome: string;
  error_class: string | null;
  http_status: number | null;
}

/** The attempts of a task so far, oldest first. */
async function attempts(task: string): Promise<Ended[]> {
  const { rows } = await system.db.query<Ended>(
    'select outcome, error_class, http_status, error_message from donations.job_attempts where task = $1 order by started_at, id',
    [task],
  );
  return rows;
}

/** Runs workers until all donations are finished. */
async function settle(): Promise<void> {
  const worker = system.startWorker();
  await worker.until(async () => {
    await hurry(system.db);
    return isComplete(await tallySince(system.db, new Date(0)));
  });
  await worker.stop();
}

const once = (fault: FaultRule): FaultRule => ({ path: 'POST', count: 1, ...fault });

describe('what a worker does when SendGrid fails once', () => {
  // [name, fault, record of the first attempt, final status of the delivery]
  const cases: [string, FaultRule, Partial<Ended>, 'accepted' | 'held' | 'failed', number][] = [
    [
      'hangs for ever',
      { hangs: true },
      { outcome: 'held', error_class: 'unknown_outcome' },
      'held',
      0,
    ],
    [
      'sends and never answers',
      { timeouts: true },
      { outcome: 'held', error_class: 'unknown_outcome' },
      'held',
      1,
    ],
    [
      'resets before processing',
      { resetBeforeProcessing: true },
      { outcome: 'held', error_class: 'unknown_outcome' },
      'held',
      0,
    ],
    [
      'resets after processing',
      { resetAfterProcessing: true },
      { outcome: 'held', error_class: 'unknown_outcome' },
      'held',
      1,
    ],
    [
      'answers 500',
      { errors: true },
      { outcome: 'held', error_class: 'unknown_outcome', http_status: 500 },
      'held',
      0,
    ],
    [
      'answers an HTML page',
      { html: true },
      { outcome: 'held', error_class: 'unknown_outcome', http_status: 502 },
      'held',
      1,
    ],
    ['accepts with a broken body', { truncated: true }, { outcome: 'succeeded' }, 'accepted', 1],
    [
      'answers 503',
      { unavailable: true },
      { outcome: 'retry', error_class: 'transient', http_status: 503 },
      'accepted',
      1,
    ],
    [
      'answers 401',
      { unauthorized: true },
      { outcome: 'parked', error_class: 'misconfigured', http_status: 401 },
      'accepted',
      1,
    ],
    [
      'answers 403',
      { forbidden: true },
      { outcome: 'parked', error_class: 'misconfigured', http_status: 403 },
      'accepted',
      1,
    ],
  ];
  it.each(cases)('%s', async (_name, fault, first, delivery, mails) => {
    await system.sandbox.setFaults('sendgrid', once(fault as FaultRule));
    await donateInBackground(system.deps, gift());
    await settle();
    expect((await attempts('send_receipt'))[0]).toMatchObject(first);
    const { rows } = await system.db.query<{ status: string; failed: number }>(
      `select status, (select count(*)::int from graphile_worker.jobs) as failed from donations.receipt_deliveries`,
    );
    // For Graphile Worker and other tools, a held job is a permanently failed job.
    expect(rows).toEqual([{ status: delivery, failed: delivery === 'accepted' ? 0 : 1 }]);
    expect(await system.sandbox.inbox()).toHaveLength(mails);
  });
});

describe('what a worker does when Stripe fails once', () => {
  const cases: [string, FaultRule, Partial<Ended>][] = [
    ['hangs for ever', { hangs: true }, { outcome: 'retry', error_class: 'transient' }],
    [
      'charges and never answers',
      { timeouts: true },
      { outcome: 'retry', error_class: 'transient' },
    ],
    [
      'resets before processing',
      { resetBeforeProcessing: true },
      { outcome: 'retry', error_class: 'transient' },
    ],
    [
      'resets after processing',
      { resetAfterProcessing: true },
      { outcome: 'retry', error_class: 'transient' },
    ],
    [
      'charges and answers 500',
      { errorsAfterProcessing: true },
      { outcome: 'retry', error_class: 'transient', http_status: 500 },
    ],
    [
      'breaks off in its answer',
      { truncated: true },
      { outcome: 'retry', error_class: 'transient' },
    ],
    ['answers an HTML page', { html: true }, { outcome: 'retry', error_class: 'transient' }],
    ['drips', { drip: true }, { outcome: 'retry', error_class: 'transient' }],
    [
      'is busy with the same key',
      { conflicts: true },
      { outcome: 'retry', error_class: 'transient', http_status: 409 },
    ],
    [
      'answers 401',
      { unauthorized: true },
      { outcome: 'parked', error_class: 'misconfigured', http_status: 401 },
    ],
  ];
  it.each(cases)('%s', async (_name, fault, first) => {
    await system.sandbox.setFaults('stripe', once({ ...fault, path: 'POST /v1/payment_intents' }));
    await donateInBackground(system.deps, gift());
    await settle();
    expect((await attempts('charge_card'))[0]).toMatchObject(first);
    const charges = await system.sandbox.paymentIntents();
    expect(charges.filter(({ status }) => status === 'succeeded')).toHaveLength(1);
    expect(await tallySince(system.db, new Date(0))).toMatchObject({
      charged: 1,
      tokenized: 1,
      accepted: 1,
    });
  });

  it('waits as long as a 429 asks, and loses no attempt', async () => {
    await system.sandbox.setFaults(
      'stripe',
      once({ rateLimit: 1, path: 'POST /v1/payment_intents', count: 2 }),
    );
    // The first call passes (the bucket holds one), the second gets a 429.
    await donateInBackground(system.deps, gift());
    await donateInBackground(system.deps, gift());
    await settle();
    const limited = (await attempts('charge_card')).find(
      ({ error_class }) => error_class === 'rate_limited',
    );
    expect(limited).toMatchObject({ outcome: 'parked', http_status: 429 });
    const { rows } = await system.db.query<{ attempt: number }>(
      `select max(attempt)::int as attempt from donations.job_attempts where task = 'charge_card'`,
    );
    expect(rows[0]?.attempt).toBe(1);
  });
});

it.each([
  ['a creation that failed', { errors: true, path: 'POST /v1/payment_intents$' }],
  [
    'a creation whose answer was lost',
    { resetAfterProcessing: true, path: 'POST /v1/payment_intents' },
  ],
  ['a confirmation that failed', { errors: true, path: 'POST /v1/payment_intents/[^/]+/confirm' }],
  [
    'a confirmation whose answer was lost',
    { resetAfterProcessing: true, path: 'POST /v1/payment_intents/[^/]+/confirm' },
  ],
])('charges once after %s, although Stripe has deleted every key', async (_, fault) => {
  const { db, sandbox, deps } = system;
  await sandbox.setFaults('stripe', once(fault as FaultRule));
  const id = await donateInBackground(deps, gift());
  const worker = system.startWorker();
  await worker.until((lines) => lines.some((line) => line.outcome !== undefined));
  await worker.kill();
  await sandbox.expireKeys();
  await settle();
  const charged = (await sandbox.paymentIntents()).filter(({ status }) => status === 'succeeded');
  expect(charged).toHaveLength(1);
  const { rows } = await db.query(
    'select payment_intent_id as id from donations.charges where donation_id = $1',
    [id],
  );
  expect(rows).toEqual([{ id: charged[0]?.id }]);
});

it('pauses the task while SendGrid is down, loses no attempts, and sends everything after', async () => {
  const { db, sandbox, deps } = system;
  const COUNT = 30;
  await sandbox.setFaults('sendgrid', { unavailable: true });
  for (let i = 0; i < COUNT; i++) await donateInBackground(deps, gift({ name: `Donor ${i}` }));
  // However slow this machine is now, no answer counts as lost.
  const env = { DONATIONS_STRIPE_TIMEOUT_MS: '30000', DONATIONS_SENDGRID_TIMEOUT_MS: '30000' };
  const worker = system.startWorker({ env });
  await worker.until((lines) => lines.some(({ msg }) => msg.startsWith('send_receipt paused')));
  await worker.until(async () => (await tallySince(db, new Date(0))).tokenized === COUNT);
  const { rows } = await db.query<{ cause: string }>('select cause from donations.task_pauses');
  expect(rows).toEqual([{ cause: 'circuit' }]);
  await sandbox.clearFaults();
  await worker.until(async () => isComplete(await tallySince(db, new Date(0))));
  expect(await tallySince(db, new Date(0))).toMatchObject({
    accepted: COUNT,
    held: 0,
    receiptsFailed: 0,
  });
  expect(await sandbox.inbox({ limit: 100 })).toHaveLength(COUNT);
  const burned = await db.query<{ most: number }>(
    `select max(attempt)::int as most from donations.job_attempts where task = 'send_receipt'`,
  );
  expect(burned.rows[0]?.most).toBeLessThanOrEqual(3);
  await worker.stop();
});

it('calls a provider that accepts 4 a second hardly more often, and logs why other jobs wait', async () => {
  const { db, sandbox, deps } = system;
  const COUNT = 40;
  for (let i = 0; i < COUNT; i++) await donateInBackground(deps, gift({ name: `Donor ${i}` }));
  await sandbox.setFaults('sendgrid', { rateLimit: 4, path: 'POST' });
  const worker = system.startWorker();
  await worker.until((lines) => lines.some(({ msg }) => msg.startsWith('send_receipt resumed')));
  const { rows: waiting } = await db.query<{ error: string }>(
    `select distinct last_error as error from graphile_worker.jobs
     where task_identifier = 'send_receipt' and run_at > now() and last_error is not null`,
  );
  for (const { error } of waiting) expect(error).toMatch(/limited|paused|slow|asks for fewer/);
  await worker.until(async () => isComplete(await tallySince(db, new Date(0))));
  const told = (await attempts('send_receipt')).filter(
    ({ error_class }) => error_class === 'rate_limited',
  );
  // Calls that were under way at the first 429, and a few that tried a higher rate.
  expect(told.length).toBeGreaterThan(0);
  expect(told.length).toBeLessThan(COUNT + 10);
  expect(await sandbox.inbox({ limit: 100 })).toHaveLength(COUNT);
  await worker.stop();
});

it('probes less and less often while the sender is refused, although the key is valid', async () => {
  const { db, sandbox, deps } = system;
  await sandbox.setFaults('sendgrid', { forbidden: true, path: 'POST' });
  await donateInBackground(deps, gift());
  const worker = system.startWorker();
  await worker.until(async () => {
    const { rows } = await db.query('select 1 from donations.task_pauses where probes >= 3');
    return rows.length === 1;
  });
  const refused = (await attempts('send_receipt')).length;
  expect(refused).toBeLessThanOrEqual(4);
  // One probe after 1 s, 2 s, 4 s.
  const { rows } = await db.query<{ s: number }>(
    'select extract(epoch from now() - min(started_at))::float8 as s from donations.job_attempts',
  );
  expect(rows[0]?.s).toBeGreaterThan(6);
  await sandbox.clearFaults();
  await worker.until(async () => isComplete(await tallySince(db, new Date(0))));
  await worker.stop();
});

it('three workers start at once on a database without current partitions, and each runs its own tasks', async () => {
  const { db, deps } = system;
  const { rows: parts } = await db.query<{ name: string }>(
    `select relname as name from pg_class where relname ~ '^job_attempts_\\d{8}$' and relkind = 'r'`,
  );
  for (const { name } of parts) await db.query(`drop table donations.${name}`);
  // A row of a future day in the default partition must not block anything.
  await db.query(
    `insert into donations.job_attempts (job_id, task, attempt, started_at, latency_ms, duration_ms, outcome)
     values (0, 'send_receipt', 1, now() + interval '2 days', 0, 0, 'succeeded')`,
  );
  await donateInBackground(deps, gift());
  const workers = ['charge_card', 'tokenize_card', 'send_receipt'].map((task) =>
    system.startWorker({ args: ['--tasks', task] }),
  );
  await workers[0]?.until(async () => {
    await hurry(db);
    return isComplete(await tallySince(db, new Date(0)));
  });
  const { rows } = await db.query<{ made: number; astray: number }>(
    `select (select count(*)::int from pg_inherits i join pg_class c on c.oid = i.inhrelid
         where i.inhparent = 'donations.job_attempts'::regclass and c.relname ~ '^job_attempts_\\d{8}$') as made,
       (select count(*)::int from donations.job_attempts_default) as astray`,
  );
  expect(rows).toEqual([{ made: 9, astray: 0 }]);
  expect(await Promise.all(workers.map((worker) => worker.stop()))).toEqual([0, 0, 0]);
});
