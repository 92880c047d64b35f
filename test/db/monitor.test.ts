import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCurrentAlerts } from '../../src/lib/alerts/current.ts';
import { acknowledge } from '../../src/lib/alerts/incidents.ts';
import { silence } from '../../src/lib/alerts/silences.ts';
import { type Db, openDb } from '../../src/lib/db/database.ts';
import { resolveRules } from '../../src/lib/health/rule-settings.ts';
import { newId } from '../../src/lib/ids.ts';
import { judgeHealth } from '../../src/lib/monitor/health.ts';
import { whyReadOnly } from '../../src/lib/monitor/privileges.ts';
import { type Snapshot, takeSnapshot } from '../../src/lib/monitor/snapshot.ts';
import { listFailures } from '../../src/lib/queue/read/failures.ts';
import { ACTIVITY_CHANNEL, Activity } from '../../src/lib/queue/run/activity.ts';
import { readHistory, readTrends } from '../../src/lib/samples/read.ts';
import { recordSamples, sampleIfDue } from '../../src/lib/samples/record.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { addJob } from '../support/jobs.ts';

let database: TestDatabase;
let db: Db;
beforeEach(async () => {
  database = await createTestDatabase();
  ({ db } = database);
});
afterEach(() => database.drop());

/** An attempt that began in the middle of the minute so many minutes ago. */
const addAttempt = (minutesAgo: number, outcome = 'succeeded', latencyMs = 10, durationMs = 100) =>
  db.query(
    `insert into donations.job_attempts (job_id, task, attempt, started_at, latency_ms, duration_ms, outcome, error_message)
     values (1, 'send_receipt', 1, date_trunc('minute', now()) - make_interval(mins => $1) + interval '30 s', $3, $4, $2,
       case when $2 <> 'succeeded' then 'it broke' end)`,
    [minutesAgo, outcome, latencyMs, durationMs],
  );

/** A sample is of a whole minute: a test of it must not see the minute end. */
async function awayFromTheMinutesEnd(): Promise<void> {
  const { rows } = await db.query<{ left: number }>(
    `select 60 - extract(second from now())::float8 as left`,
  );
  const left = rows[0]?.left ?? 0;
  if (left < 10) await db.query('select pg_sleep($1)', [left]);
}

describe('samples', () => {
  beforeEach(awayFromTheMinutesEnd);

  it('tell of each minute what was done, and of the last how much waits', async () => {
    await addAttempt(1);
    await addAttempt(1, 'retry', 20, 300);
    await addAttempt(1, 'held');
    await addAttempt(3);
    await addAttempt(0);
    await addJob(db, { ageMs: 90_000 });
    await recordSamples(db);
    const { rows } = await db.query(
      `select extract(epoch from date_trunc('minute', now()) - minute)::int / 60 as ago, done, retried, failed,
         held, ready, duration_p95, oldest_wait_ms >= 90000 as late
       from donations.samples where task = 'send_receipt' order by minute desc`,
    );
    expect(rows).toEqual([
      { ago: 1, done: 1, retried: 1, failed: 0, held: 1, ready: 1, duration_p95: 300, late: true },
      {
        ago: 3,
        done: 1,
        retried: 0,
        failed: 0,
        held: 0,
        ready: null,
        duration_p95: 100,
        late: null,
      },
    ]);
  });

  it('take an attempt in that ends late, and change nothing when made again', async () => {
    await addAttempt(1);
    await recordSamples(db);
    await addAttempt(1);
    await recordSamples(db);
    await recordSamples(db);
    const { rows } = await db.query<{ done: number }>(
      `select sum(done)::int as done from donations.samples where task = 'send_receipt'`,
    );
    expect(rows).toEqual([{ done: 2 }]);
  });

  it('are made once a minute, however many workers ask', async () => {
    await addJob(db);
    await Promise.all(Array.from({ length: 5 }, () => sampleIfDue(db)));
    await addAttempt(1);
    await sampleIfDue(db);
    const { rows } = await db.query<{ done: number }>(
      'select sum(done)::int as done from donations.samples',
    );
    expect(rows).toEqual([{ done: 0 }]);
  });

  it('are kept for eight days', async () => {
    const add = (days: number) =>
      db.query(
        `insert into donations.samples (minute, task, enqueued, done, retried, failed, held)
         values (date_trunc('minute', now()) - make_interval(days => $1), 't', 0, 1, 0, 0, 0)`,
        [days],
      );
    await add(7);
    await add(9);
    await recordSamples(db);
    expect((await db.query(`select 1 from donations.samples where task = 't'`)).rowCount).toBe(1);
  });

  it('are read in as many buckets as there is room for', async () => {
    for (const minutes of [1, 2, 3, 50]) await addAttempt(minutes, 'succeeded', 0);
    await addAttempt(2, 'failed');
    await recordSamples(db);
    const hour = await readHistory(db, { windowMs: 3_600_000, most: 60 });
    expect(hour.buckets).toHaveLength(60);
    expect(hour.stepMs).toBe(60_000);
    expect(hour.buckets.slice(-3).map(({ done, failed }) => [done, failed])).toEqual([
      [1, 0],
      [1, 1],
      [1, 0],
    ]);
    expect(hour.since).not.toBeNull();
    const squeezed = await readHistory(db, { windowMs: 3_600_000, most: 13 });
    expect(squeezed).toMatchObject({ stepMs: 5 * 60_000 });
    expect(squeezed.buckets).toHaveLength(12);
    expect(squeezed.buckets.reduce((sum, { done }) => sum + done, 0)).toBe(4);
    expect((await readTrends(db, 3)).get('send_receipt')).toMatchObject({ done: [1, 1, 1] });
  });

  it('there are none before the first', async () => {
    const { since, buckets } = await readHistory(db, { windowMs: 900_000, most: 60 });
    expect(since).toBeNull();
    expect(buckets.every(({ done, waitMs }) => done === 0 && waitMs === null)).toBe(true);
  });
});

it('failures of a minute are those that went wrong in it', async () => {
  await addAttempt(1, 'failed');
  await addAttempt(1, 'declined');
  await addAttempt(5, 'held');
  const minute = 60_000;
  const now = Math.floor(Date.now() / minute) * minute;
  const found = await listFailures(db, {
    from: new Date(now - minute),
    to: new Date(now),
    limit: 10,
  });
  expect(found.map(({ outcome, error }) => [outcome, error])).toEqual([['failed', 'it broke']]);
  expect(await listFailures(db, { limit: 10 })).toHaveLength(2);
});

describe('the snapshot', () => {
  const take = (before?: Snapshot) => takeSnapshot(db, { timeoutMs: 5000, before });

  it('has what is in the queue, who works, and what happened', async () => {
    await addJob(db, { state: 'failed', ageMs: 3_600_000 });
    await addJob(db, { state: 'held' });
    await addAttempt(1, 'failed');
    const { tasks, workers, events } = await take();
    expect(tasks.value?.rows).toContainEqual(
      expect.objectContaining({ task: 'send_receipt', failed: 1, held: 1 }),
    );
    expect(Date.now() - Date.parse(tasks.value?.failedSince ?? '')).toBeGreaterThan(3_500_000);
    expect(workers.value).toEqual([]);
    expect(events.value).toContainEqual(
      expect.objectContaining({
        kind: 'attempt',
        text: 'send_receipt failed, attempt 1: it broke',
      }),
    );
    for (const part of [tasks, workers, events]) expect(part.behind).toBeNull();
  });

  it('has what is wrong, the silences in force, and what became of incidents: in one query', async () => {
    const id = newId('incident');
    await db.query(
      `insert into donations.incidents (id, rule, kind, subject, level, worst, value, opened_at, updated_at)
       values ($1, 'disk', 'disk', '', 'warning', 'warning', 0.9, now(), now())`,
      [id],
    );
    await db.query(
      `insert into donations.incident_events (incident_id, at, kind, level) values ($1, now(), 'opened', 'warning')`,
      [id],
    );
    const operator = { actor: 'grace', host: 'desk' };
    await acknowledge(db, { id, forMs: 60_000, reason: undefined, operator });
    await silence(db, { rule: 'disk', task: undefined, forMs: 60_000, reason: 'full', operator });
    let queries = 0;
    const tx = {
      query: (...args: Parameters<Db['query']>) => {
        queries += 1;
        return db.query(...args);
      },
    } as Pick<Db, 'query'>;
    expect((await readCurrentAlerts(tx, { events: 10 })).open[0]?.openedAt).toBeInstanceOf(Date);
    expect(queries).toBe(1);
    const { alerts, events } = await take();
    expect(alerts.value).toMatchObject({
      open: [{ id, acknowledged: true, acknowledgedBy: 'grace', silenced: true }],
      silences: [{ rule: 'disk', task: null, actor: 'grace', reason: 'full' }],
    });
    expect(events.value?.filter(({ incident }) => incident === id).map(({ text }) => text)).toEqual(
      ['incident acknowledged by grace: disk', 'incident opened: disk (warning)'],
    );
    await db.query('update donations.incidents set closed_at = now()');
    expect((await take()).alerts.value?.open).toEqual([]);
  });

  it('leaves a part that takes too long as it was, and says so', async () => {
    await addJob(db);
    const before = await take();
    const locks = openDb({ url: database.url, applicationName: 'locks', poolSize: 1 });
    const { tasks, workers } = await locks.transaction(async (tx) => {
      await tx.query('lock table donations.job_verdicts');
      return takeSnapshot(db, { timeoutMs: 100, before });
    });
    await locks.close();
    expect(tasks.behind).toContain('longer than 0.1 s');
    expect(tasks.value).toEqual(before.tasks.value);
    expect(tasks.at).toBe(before.tasks.at);
    expect(workers.behind).toBeNull();
  });

  it('says what is wrong, the worst first', async () => {
    await addJob(db, { ageMs: 400_000 });
    await addJob(db, { state: 'failed' });
    const { level, reasons } = judgeHealth(await take(), resolveRules([]), Date.now());
    expect(level).toBe('critical');
    expect(reasons.map((reason) => [reason.level, reason.text])).toEqual([
      ['critical', 'no worker runs, and jobs wait'],
      ['critical', 'send_receipt waits 7m'],
      ['warning', '1 failed'],
    ]);
  });
});

describe('what monitors hear', () => {
  it('that an incident was opened or closed', async () => {
    const session = await db.session('listener');
    const heard = new Promise((resolve) => session.on('notification', resolve));
    await session.query(`listen ${ACTIVITY_CHANNEL}`);
    const id = newId('incident');
    await db.query(
      `with opened as (
         insert into donations.incidents (id, rule, kind, subject, level, worst, opened_at, updated_at)
         values ($1, 'disk', 'disk', '', 'warning', 'warning', now(), now()) returning id)
       insert into donations.incident_events (incident_id, at, kind, level)
       select id, now(), 'opened', 'warning' from opened`,
      [id],
    );
    expect(await heard).toMatchObject({ payload: 'incident_events' });
    await session.end();
  });

  it('that jobs have ended: once, however many', async () => {
    const session = await db.session('listener');
    const heard: unknown[] = [];
    const first = new Promise<void>((resolve) =>
      session.on('notification', (message) => {
        heard.push(message);
        resolve();
      }),
    );
    await session.query(`listen ${ACTIVITY_CHANNEL}`);
    const activity = new Activity(db);
    for (let i = 0; i < 1000; i++) activity.touch();
    await first;
    await session.query('select 1');
    expect(heard).toHaveLength(1);
    activity.end();
    await session.end();
  });

  it('what people do, in the transaction that does it', async () => {
    const session = await db.session('listener');
    const heard = new Promise((resolve) => session.on('notification', resolve));
    await session.query(`listen ${ACTIVITY_CHANNEL}`);
    await db.query(
      `insert into donations.audit_log (id, actor, host, action) values ('aud_' || repeat('0', 26), 'a', 'h', 'jobs.pause')`,
    );
    expect(await heard).toMatchObject({ payload: 'audit_log' });
    await session.end();
  });
});

describe('what a role may', () => {
  it('is found out by itself', async () => {
    expect(await whyReadOnly(db)).toBeUndefined();
    await db.query(
      `do $$ begin create role monitor_reader login password 'reader'; exception when duplicate_object then null; end $$`,
    );
    await db.query(
      `grant usage on schema donations, graphile_worker to monitor_reader;
       grant select on all tables in schema donations, graphile_worker to monitor_reader`,
    );
    const url = new URL(database.url);
    url.username = 'monitor_reader';
    url.password = 'reader';
    const reader = openDb({ url: url.href, applicationName: 'reader' });
    expect(await whyReadOnly(reader)).toBe('the database role monitor_reader can only read');
    // All that the monitor shows can be read by it.
    const { tasks, workers, events } = await takeSnapshot(reader, { timeoutMs: 5000 });
    for (const part of [tasks, workers, events]) expect(part.value).not.toBeNull();
    await reader.close();
    url.searchParams.set('options', '-c default_transaction_read_only=on');
    url.username = new URL(database.url).username;
    url.password = new URL(database.url).password;
    const careful = openDb({ url: url.href, applicationName: 'careful' });
    expect(await whyReadOnly(careful)).toContain('read-only');
    await careful.close();
  });
});
