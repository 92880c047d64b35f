import { afterEach, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import { openDb } from '../../src/lib/db/database.ts';
import { isComplete, tallySince } from '../../src/lib/donations/tally.ts';
import { runCli } from '../support/cli.ts';
import { donateInBackground, donateNow } from '../support/donate.ts';
import { startProxy, type TcpProxy } from '../support/proxy.ts';
import { gift, hurry, type System, startSystem, type TestWorker } from '../support/system.ts';

let system: System;
let proxy: TcpProxy;
beforeAll(async () => {
  // For a while after a start of Postgres no worker is treated as gone.
  const db = openDb({ url: inject('serverUrl'), applicationName: 'donations test', poolSize: 1 });
  await db.query(
    `select pg_sleep(greatest(0, extract(epoch from pg_postmaster_start_time() + interval '15.5 s' - now())))`,
  );
  await db.close();
});
beforeEach(async () => {
  system = await startSystem();
  proxy = await startProxy(system.env.DATABASE_URL as string);
});
afterEach(async () => {
  await system.close();
  await proxy.close();
});

const account = () => tallySince(system.db, new Date(0));
const started = (worker: TestWorker) => worker.until((lines) => said(lines, /^worker started/));
const said = (lines: { msg: string }[], what: RegExp) => lines.some(({ msg }) => what.test(msg));
/** When a worker logged it, by its own clock, which is this machine's. */
const saidAt = (worker: TestWorker, what: RegExp) =>
  Date.parse(String((worker.lines.find(({ msg }) => what.test(msg)) as { time?: string })?.time));

/** Starts a worker that reaches Postgres through the proxy, and reads its id from the log. */
async function startByProxy(env: NodeJS.ProcessEnv = {}): Promise<TestWorker & { id: string }> {
  const worker = system.startWorker({ env: { DATABASE_URL: proxy.url, ...env } });
  await started(worker);
  const line = worker.lines.find(({ msg }) => msg.startsWith('worker started'));
  return Object.assign(worker, { id: (line as unknown as { worker: string }).worker });
}

async function row(worker: string) {
  const { rows } = await system.db.query<{ seen_at: Date; released_at: Date | null; ms: number }>(
    `select seen_at, released_at, extract(epoch from now() - seen_at)::float8 * 1000 as ms
     from donations.workers where id = $1`,
    [worker],
  );
  return rows[0] as { seen_at: Date; released_at: Date | null; ms: number };
}

/** Resolves after this many further heartbeats. */
async function heartbeats(worker: TestWorker & { id: string }, count: number): Promise<void> {
  const seen = new Set<number>();
  await worker.until(async () => seen.add((await row(worker.id)).seen_at.getTime()).size > count);
}

/**
 * Makes a donation whose receipt a worker claims, and stops the worker before it gets the answer. The
 * worker starts after the lock is taken, so that its claim waits for the lock.
 */
async function stopAtClaim<W extends TestWorker>(
  start: () => Promise<W>,
): Promise<{ worker: W; letGo: () => Promise<void> }> {
  const donation = await donateNow(system.deps, gift());
  let letGo = async () => {};
  await new Promise<void>((resolve, reject) => {
    system.db
      .transaction(async (tx) => {
        const held = new Promise<void>((go) => {
          letGo = async () => {
            go();
            await done;
          };
        });
        await tx.query(
          `select 1 from donations.receipt_deliveries where receipt_id in (
             select receipt_id from donations.receipt_donations where donation_id = $1) for update`,
          [donation.id],
        );
        resolve();
        await held;
      })
      .catch(reject)
      .finally(() => over());
  });
  let over = () => {};
  const done = new Promise<void>((resolve) => {
    over = resolve;
  });
  const worker = await start();
  await hurry(system.db);
  await worker.until(async () => {
    const { rowCount } = await system.db.query(
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
         and query like '%receipt_deliveries%'`,
    );
    return rowCount === 1;
  });
  worker.signal('SIGSTOP');
  return { worker, letGo };
}

it('sends heartbeats while probes get no answer', async () => {
  await system.sandbox.setFaults('stripe', { path: 'GET', hangs: true });
  await system.sandbox.setFaults('sendgrid', { path: 'GET', hangs: true });
  const worker = await startByProxy({
    DONATIONS_STRIPE_TIMEOUT_MS: '20000',
    DONATIONS_SENDGRID_TIMEOUT_MS: '20000',
  });
  await system.db.query(
    `insert into donations.task_pauses (task, cause, reason, next_probe_at)
     select unnest(array['charge_card', 'tokenize_card', 'send_receipt']), 'circuit', 'down', now()`,
  );
  const probing = () =>
    system.db.query('select 1 from donations.task_pauses where probes > 0').then((r) => r.rowCount);
  await worker.until(async () => (await probing()) !== 0);
  await heartbeats(worker, 5);
  expect((await row(worker.id)).ms).toBeLessThan(3000);
});

it('sends heartbeats again when its connections broke on its side only', async () => {
  const worker = await startByProxy();
  proxy.cutHere();
  await heartbeats(worker, 3);
  // Its jobs run too, and it has its lock again.
  await donateInBackground(system.deps, gift());
  await worker.until(async () => isComplete(await account()));
  const { rows } = await system.db.query<{ locks: number }>(
    `select count(*)::int as locks from pg_locks where locktype = 'advisory' and objsubid = 1
       and database = (select oid from pg_database where datname = current_database())`,
  );
  expect(rows).toEqual([{ locks: 1 }]);
  expect(await worker.stop()).toBe(0);
});

it('detects silent connections, and continues on new ones', async () => {
  const worker = await startByProxy();
  proxy.silence();
  await donateInBackground(system.deps, gift());
  await worker.until(async () => isComplete(await account()));
  expect((await row(worker.id)).released_at).toBeNull();
  expect(await worker.stop()).toBe(0);
});

it('starts nothing without a lease, before others take over, and continues later', async () => {
  await system.sandbox.setFaults('sendgrid', { path: 'POST', latencyMs: [200, 200] });
  const cut = await startByProxy();
  const other = system.startWorker();
  await started(other);
  for (let i = 0; i < 3; i++) await donateInBackground(system.deps, gift({ name: `Donor ${i}` }));
  proxy.freeze();
  await cut.until((lines) => said(lines, /no jobs start until one does/));
  await other.until((lines) => said(lines, /is gone; its jobs are released/));
  expect(saidAt(cut, /no jobs start until one does/)).toBeLessThan(saidAt(other, /is gone/));
  await other.until(async () => isComplete(await account()));
  proxy.heal();
  await cut.until((lines) => said(lines, /the heartbeat works again/));
  await donateInBackground(system.deps, gift({ name: 'Later' }));
  await cut.until(async () => isComplete(await account()));
  expect(await account()).toMatchObject({ donations: 4, charged: 4, receiptsFailed: 0 });
  const mailed = (await system.sandbox.inbox({ limit: 100 })).map(({ delivery_id }) => delivery_id);
  expect(new Set(mailed).size).toBe(mailed.length);
  expect(await cut.stop()).toBe(0);
});

it.each([
  ['hold', 0],
  ['resend', 1],
])(
  'stopped at a claim until others took over, it sends nothing when it wakes: %s',
  async (policy, mails) => {
    const env = { DONATIONS_RECEIPTS_WHEN_UNKNOWN: policy };
    const { worker: stopped, letGo } = await stopAtClaim(async () => {
      const worker = system.startWorker({ env });
      await started(worker);
      return worker;
    });
    await letGo();
    const other = system.startWorker({ env });
    await other.until((lines) => said(lines, /is gone; its jobs are released/));
    await other.until(async () => {
      await hurry(system.db);
      return isComplete(await account());
    });
    stopped.signal('SIGCONT');
    await stopped.until((lines) => said(lines, /treated this worker as gone/));
    await stopped.until((lines) => said(lines, /this worker has lost the job/));
    expect(await stopped.stop()).toBe(0);
    expect(await system.sandbox.inbox()).toHaveLength(mails);
    expect(await account()).toMatchObject({ held: 1 - mails, accepted: mails });
  },
);

it('stopped at a claim for less than the limit, it sends when it resumes', async () => {
  const { worker, letGo } = await stopAtClaim(startByProxy);
  await letGo();
  const other = system.startWorker();
  await started(other);
  await system.db.query('select pg_sleep(5)');
  worker.signal('SIGCONT');
  await worker.until(async () => isComplete(await account()));
  expect(await system.sandbox.inbox()).toHaveLength(1);
  expect(await account()).toMatchObject({ accepted: 1, held: 0 });
  expect((await row(worker.id)).released_at).toBeNull();
});

/** Makes the database read-only, as on a demoted primary, or writable again; ends its connections. */
async function readOnly(on: boolean): Promise<void> {
  const name = new URL(system.env.DATABASE_URL as string).pathname.slice(1);
  const admin = openDb({ url: inject('serverUrl'), applicationName: 'admin', poolSize: 1 });
  await admin.query(`alter database ${name} set default_transaction_read_only = ${on}`);
  await admin.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()`,
    [name],
  );
  await admin.close();
}

it('says so when the reason for a missing heartbeat changes', async () => {
  const worker = await startByProxy();
  proxy.cut();
  await worker.until((lines) => said(lines, /^no heartbeat: Postgres is unavailable/));
  await readOnly(true);
  proxy.heal();
  await worker.until((lines) => said(lines, /^no heartbeat: Postgres is read-only now/));
  await readOnly(false);
  expect(await worker.stop()).toBe(0);
});

it('continues by itself after a failover to a read-only server', async () => {
  await system.sandbox.setFaults('sendgrid', { path: 'POST', latencyMs: [4000, 4000] });
  for (let i = 0; i < 3; i++) await donateNow(system.deps, gift({ name: `Donor ${i}` }));
  // A long deadline, so that only the outage of Postgres causes unknown outcomes.
  const worker = await startByProxy({ DONATIONS_SENDGRID_TIMEOUT_MS: '30000' });
  await worker.until(async () => (await account()).receiptsOpen === 3 && (await sending()) === 3);
  await readOnly(true);
  await worker.until((lines) => said(lines, /is read-only now/));
  const doctor = await runCli(['doctor'], { env: system.env });
  expect(doctor.code).toBe(1);
  expect(doctor.stdout).toContain('is read-only');
  await worker.until(async () => (await system.sandbox.inbox()).length === 3);
  await readOnly(false);
  await worker.until(async () => isComplete(await account()));
  expect(await account()).toMatchObject({ accepted: 3, held: 0 });
  await donateInBackground(system.deps, gift({ name: 'Later' }));
  await worker.until(async () => (await account()).accepted === 4);
  expect(await worker.stop()).toBe(0);
});

const sending = async () =>
  (await system.db.query(`select 1 from donations.receipt_deliveries where status = 'sending'`))
    .rowCount;

it('ends within the announced limit, logs unfinished jobs, and returns them', async () => {
  await system.sandbox.setFaults('sendgrid', { path: 'POST', hangs: true });
  const worker = system.startWorker({
    env: { DONATIONS_SENDGRID_TIMEOUT_MS: '60000', DONATIONS_WORKER_STOP_TIMEOUT_MS: '1500' },
  });
  await donateNow(system.deps, gift());
  await hurry(system.db);
  await worker.until(async () => (await sending()) === 1);
  expect(await worker.stop()).toBe(143);
  expect(worker.output).toMatch(/ends after 1\.5 s/);
  expect(worker.output).toMatch(/1 job (is|was) left/);
  const { rows } = await system.db.query(
    `select task_identifier as task, locked_at from graphile_worker.jobs where task_identifier = 'send_receipt'`,
  );
  expect(rows).toEqual([{ task: 'send_receipt', locked_at: null }]);
  await system.sandbox.clearFaults();
  const next = system.startWorker();
  await next.until(async () => {
    await hurry(system.db);
    return isComplete(await account());
  });
  expect(await account()).toMatchObject({ held: 1 });
  expect(await system.sandbox.inbox()).toHaveLength(0);
});

it('ends within its limit when Postgres is silent', async () => {
  const worker = await startByProxy({ DONATIONS_WORKER_STOP_TIMEOUT_MS: '3000' });
  proxy.freeze();
  worker.signal('SIGTERM');
  await worker.ended;
  expect(worker.output).toMatch(/ends after 3 s/);
});
