import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { sendReceipt } from '../../src/jobs/send-receipt.ts';
import { TakenOver } from '../../src/jobs/task.ts';
import { type Db, openDb } from '../../src/lib/db/database.ts';
import { newId } from '../../src/lib/ids.ts';
import { sendgridGateway } from '../../src/lib/providers/sendgrid.ts';
import { Lease } from '../../src/lib/queue/run/lease.ts';
import { type RunningJob, registerWorker } from '../../src/lib/queue/run/workers.ts';
import { loadTemplates } from '../../src/lib/receipts/templates.ts';
import { donateNow } from '../support/donate.ts';
import { startProxy, type TcpProxy } from '../support/proxy.ts';
import { gift, type System, startSystem } from '../support/system.ts';

let system: System;
let proxy: TcpProxy;
let db: Db;
let lease: Lease;
const changes: string[] = [];
const running: RunningJob[] = [];
const id = newId('worker');
beforeEach(async () => {
  system = await startSystem();
  proxy = await startProxy(system.env.DATABASE_URL as string);
  db = openDb({ url: proxy.url, applicationName: 'donations test' });
  await registerWorker(db, {
    id,
    host: 'here',
    pid: 1,
    version: '0',
    concurrency: 1,
    tasks: ['send_receipt'],
  });
  changes.length = 0;
  running.length = 0;
  lease = new Lease({
    db,
    workerId: id,
    everyMs: 200,
    running: () => running,
    onControl: () => {},
    onTrouble: () => {},
    onChange: (change) => changes.push(change),
    onGivenUp: () => changes.push('given up'),
  });
  await lease.start();
});
afterEach(async () => {
  vi.useRealTimers();
  proxy.heal();
  await lease.close();
  await db.close();
  await proxy.close();
  await system.close();
});

const secondsAgo = (seconds: number) => new Date(lease.clock.now().getTime() - seconds * 1000);

it('is proven while heartbeats come through, and holds what was locked under it', async () => {
  expect(lease.isProven()).toBe(true);
  expect(await lease.holds(secondsAgo(60))).toBe(true);
});

it('announces what runs, also when the heartbeat fails at first', async () => {
  proxy.cutHere();
  running.push({
    job: '7',
    task: 'send_receipt',
    attempt: 2,
    claim: '00000000-0000-4000-8000-000000000000',
    donation: null,
    since: new Date().toISOString(),
  });
  await lease.announce();
  const { rows } = await system.db.query('select running from donations.workers where id = $1', [
    id,
  ]);
  expect(rows).toEqual([{ running }]);
});

it('is lost when none comes through, and answers when one does', async () => {
  proxy.freeze();
  await vi.waitFor(() => expect(changes).toEqual(['lost']), { timeout: 15_000 });
  expect(lease.isProven()).toBe(false);
  let answer: boolean | undefined;
  const asked = lease.holds(secondsAgo(60)).then((holds) => {
    answer = holds;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(answer).toBeUndefined();
  proxy.heal();
  await asked;
  expect(answer).toBe(true);
  expect(changes).toEqual(['lost', 'proven']);
});

it('does not hold what others have released, and holds what was locked since', async () => {
  await system.db.query('update donations.workers set released_at = now() where id = $1', [id]);
  await vi.waitFor(() => expect(changes).toContain('given up'), { timeout: 15_000 });
  expect(await lease.holds(secondsAgo(60))).toBe(false);
  const { rows } = await system.db.query<{ at: Date }>('select now() as at');
  expect(await lease.holds(rows[0]?.at ?? null)).toBe(true);
});

it('waits for no lock that another connection holds, and ends that connection', async () => {
  const lock = async () => {
    const { rows } = await system.db.query<{ pid: number }>(
      `select pid from pg_locks where locktype = 'advisory' and granted
         and database = (select oid from pg_database where datname = current_database())`,
    );
    return rows.map(({ pid }) => pid);
  };
  const before = await lock();
  expect(before).toHaveLength(1);
  proxy.cutHere();
  await vi.waitFor(
    async () => {
      const now = await lock();
      expect(now).toHaveLength(1);
      expect(now).not.toEqual(before);
    },
    { timeout: 15_000 },
  );
});

it('tells Postgres’s time, whatever this machine believes, and needs new proof when its clock leaps', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2 * 86_400_000 });
  expect(lease.isProven()).toBe(false);
  expect(await lease.holds(secondsAgo(1))).toBe(true);
  const { rows } = await system.db.query<{ at: Date }>('select clock_timestamp() as at');
  const difference = lease.clock.now().getTime() - (rows[0]?.at.getTime() ?? 0);
  expect(Math.abs(difference)).toBeLessThan(60_000);
});

it('sends nothing that was claimed and may be somebody else’s', async () => {
  const donation = await donateNow(system.deps, gift());
  const { rows } = await system.db.query<{ id: string }>(
    `select id from donations.receipt_deliveries where receipt_id in (
       select receipt_id from donations.receipt_donations where donation_id = $1)`,
    [donation.id],
  );
  const task = sendReceipt({
    db,
    config: system.config,
    templates: await loadTemplates(undefined),
    mail: sendgridGateway({
      apiKey: 'SG.sandbox',
      apiBase: system.env.SENDGRID_API_BASE as string,
      timeoutMs: 20_000,
    }),
  });
  const attempt = {
    id: crypto.randomUUID(),
    jobId: '1',
    lockedBy: null,
    number: 1,
    mayBegin: () => Promise.reject(new TakenOver()),
    call: () => Promise.reject(new TakenOver()),
  };
  await expect(
    task.run({ donation_id: donation.id, delivery_id: rows[0]?.id as string }, attempt),
  ).rejects.toBeInstanceOf(TakenOver);
  expect(await system.sandbox.inbox()).toEqual([]);
});

it('is not kept waiting by statements that get no answer', async () => {
  const short = openDb({
    url: proxy.url,
    applicationName: 'donations test',
    statementTimeoutMs: 500,
  });
  try {
    await short.query('select 1');
    proxy.silence();
    await expect(short.query('select 2')).rejects.toThrow('Query read timeout');
    // The next query has a new connection.
    expect((await short.query('select 3 as n')).rows).toEqual([{ n: 3 }]);
    proxy.silence();
    await expect(short.transaction((tx) => tx.query('select 4'))).rejects.toThrow();
    await short.transaction((tx) => tx.query('select 5'));
  } finally {
    await short.close();
  }
});
