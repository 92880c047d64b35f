import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Db, openDb } from '../../src/lib/db/database.ts';
import { newId } from '../../src/lib/ids.ts';
import { enqueue } from '../../src/lib/queue/enqueue.ts';
import {
  listPauses,
  type Pause,
  pauseTask,
  restTask,
  resumeAfterProbe,
  resumeTask,
  takeDueProbes,
} from '../../src/lib/queue/run/pauses.ts';
import { releaseGoneWorkers } from '../../src/lib/queue/run/release.ts';
import { applyVerdicts, hasPendingVerdict } from '../../src/lib/queue/run/verdicts.ts';
import { holdWorkerLock, registerWorker } from '../../src/lib/queue/run/workers.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let db: Db;
beforeEach(async () => {
  database = await createTestDatabase();
  db = database.db;
});
afterEach(() => database.drop());

async function addJob(): Promise<string> {
  const [id] = await enqueue(db, [
    { task: 'send_receipt', payload: { donation_id: 'don_1', delivery_id: 'dlv_1' } },
  ]);
  return String(id);
}

const lock = (job: string, by = 'x') =>
  db.query(
    'update graphile_worker._private_jobs set locked_at = now(), locked_by = $2 where id = $1',
    [job, by],
  );
const unlock = (job: string) =>
  db.query(
    'update graphile_worker._private_jobs set locked_at = null, locked_by = null where id = $1',
    [job],
  );

async function jobRow(id: string) {
  const { rows } = await db.query<{
    attempts: number;
    max_attempts: number;
    run_at: Date;
    last_error: string | null;
    locked_by: string | null;
  }>('select * from graphile_worker.jobs where id = $1', [id]);
  return rows[0];
}

describe('verdicts', () => {
  const RUN_AT = new Date('2030-01-01T00:00:00Z');

  const judge = (
    job: string,
    decision: 'retry' | 'fail' | 'hold',
    attempts: number | null = null,
  ) =>
    db.query(
      `insert into donations.job_verdicts
         (job_id, task, decision, run_at, attempts, error_class, message, fingerprint)
       values ($1, 'send_receipt', $2, $3, $4, 'transient', 'it broke', 'f')`,
      [job, decision, decision === 'retry' ? RUN_AT : null, attempts],
    );

  it('to retry sets when and how often, and is gone after', async () => {
    const job = await addJob();
    await judge(job, 'retry', 7);
    expect(await hasPendingVerdict(db, job)).toBe(true);
    expect(await applyVerdicts(db)).toEqual({ applied: 1, waiting: 0 });
    expect(await jobRow(job)).toMatchObject({ attempts: 7, run_at: RUN_AT });
    expect(await hasPendingVerdict(db, job)).toBe(false);
    expect((await db.query('select 1 from donations.job_verdicts')).rowCount).toBe(0);
    expect(await applyVerdicts(db)).toEqual({ applied: 0, waiting: 0 });
  });

  it.each(['fail', 'hold'] as const)('to %s ends the job, and stands', async (decision) => {
    const job = await addJob();
    await judge(job, decision);
    expect(await applyVerdicts(db)).toEqual({ applied: 1, waiting: 0 });
    expect(await jobRow(job)).toMatchObject({
      attempts: 25,
      max_attempts: 25,
      last_error: 'it broke',
    });
    const { rows } = await db.query('select decision, applied_at from donations.job_verdicts');
    expect(rows).toEqual([{ decision, applied_at: expect.any(Date) }]);
    expect(await applyVerdicts(db)).toEqual({ applied: 0, waiting: 0 });
  });

  it.each(['retry', 'fail', 'hold'] as const)('to %s waits for a locked job', async (decision) => {
    const job = await addJob();
    await judge(job, decision);
    await lock(job);
    const before = await jobRow(job);
    expect(await applyVerdicts(db)).toEqual({ applied: 0, waiting: 1 });
    expect(await jobRow(job)).toEqual(before);
    expect(await hasPendingVerdict(db, job)).toBe(true);
    await unlock(job);
    expect(await applyVerdicts(db)).toEqual({ applied: 1, waiting: 0 });
  });

  it('of a job that is gone is settled', async () => {
    await judge('424242', 'retry');
    await judge('424243', 'fail');
    expect(await applyVerdicts(db)).toEqual({ applied: 2, waiting: 0 });
    expect(await hasPendingVerdict(db, '424242')).toBe(false);
    expect(await hasPendingVerdict(db, '424243')).toBe(false);
    expect((await db.query('select 1 from donations.job_verdicts')).rowCount).toBe(0);
  });

  it('are carried over once by many workers at once', async () => {
    for (let i = 0; i < 20; i++) await judge(await addJob(), i % 2 ? 'retry' : 'fail');
    const all = await Promise.all(Array.from({ length: 6 }, () => applyVerdicts(db)));
    expect(all.reduce((sum, { applied }) => sum + applied, 0)).toBe(20);
  });
});

describe('a job that is enqueued again under its key', () => {
  const settle = [
    { task: 'settle_donation', payload: { donation_id: 'don_1' }, key: 'don_1' },
  ] as const;
  const hold = async (job: bigint) => {
    await db.query(
      `insert into donations.job_verdicts (job_id, task, decision, error_class, message, fingerprint)
       values ($1, 'settle_donation', 'hold', 'unknown_outcome', 'it broke', 'f')`,
      [job],
    );
  };

  it('takes the place of one that is held', async () => {
    const [held] = await enqueue(db, [...settle]);
    await hold(held as bigint);
    await applyVerdicts(db);
    const [anew] = await enqueue(db, [...settle]);
    const { rows } = await db.query('select id, attempts::int, key from graphile_worker.jobs');
    expect(rows).toEqual([{ id: anew, attempts: 0, key: 'don_1' }]);
    expect((await db.query('select 1 from donations.job_verdicts')).rowCount).toBe(0);
  });

  it('is not held by a verdict that was not carried over yet', async () => {
    const [held] = await enqueue(db, [...settle]);
    await hold(held as bigint);
    await enqueue(db, [...settle]);
    expect(await applyVerdicts(db)).toEqual({ applied: 0, waiting: 0 });
    expect(await jobRow(String(held))).toMatchObject({ attempts: 0 });
  });

  it('waits for verdicts that are being carried over, and holds no lock that they need', async () => {
    const [held] = await enqueue(db, [...settle]);
    await hold(held as bigint);
    let enqueued: Promise<unknown> = Promise.resolve();
    await db.transaction(async (carrier) => {
      await carrier.query('select 1 from donations.job_verdicts for update');
      enqueued = enqueue(db, [...settle]);
      await vi.waitFor(async () => {
        const { rowCount } = await db.query(
          `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        );
        expect(rowCount).toBe(1);
      });
      await applyVerdicts(carrier);
    });
    await enqueued;
    expect((await db.query('select 1 from graphile_worker.jobs')).rowCount).toBe(1);
  });

  it('keeps the verdict of one that began after the first look at it', async () => {
    const [earlier] = await enqueue(db, [...settle]);
    let statements = 0;
    await db.transaction((tx) =>
      enqueue(
        {
          async query(...args) {
            if (++statements === 2) {
              await lock(String(earlier));
              await hold(earlier as bigint);
            }
            return tx.query(...args);
          },
        },
        [...settle],
      ),
    );
    expect(await hasPendingVerdict(db, String(earlier))).toBe(true);
  });

  it('is due by the clock of Postgres', async () => {
    const [id] = await enqueue(db, [{ ...settle[0], inMs: 60_000 }]);
    const { rows } = await db.query(
      `select run_at = created_at + interval '60 s' as right from graphile_worker.jobs where id = $1`,
      [id],
    );
    expect(rows).toEqual([{ right: true }]);
  });
});

describe('workers that are gone', () => {
  // Pretends an earlier start of Postgres, so that the grace after a start is over.
  let aged: Db;
  beforeEach(async () => {
    await db.query('create schema fake');
    await db.query('create table fake.started (at timestamptz)');
    await db.query(`insert into fake.started values (now() - interval '1 hour')`);
    await db.query(
      `create function fake.pg_postmaster_start_time() returns timestamptz language sql stable
       as 'select at from fake.started'`,
    );
    const url = new URL(database.url);
    url.searchParams.set('options', '-c search_path=fake,pg_catalog,public');
    aged = openDb({ url: url.href, applicationName: 'donations test' });
  });
  afterEach(() => aged.close());

  async function addWorker(silentSeconds: number, pool = 'pool'): Promise<string> {
    const id = newId('worker');
    await registerWorker(db, {
      id,
      host: 'here',
      pid: 1,
      version: '0',
      concurrency: 1,
      tasks: ['send_receipt'],
    });
    await db.query(
      `update donations.workers set pool_id = $2, seen_at = now() - make_interval(secs => $3) where id = $1`,
      [id, pool, silentSeconds],
    );
    return id;
  }

  const released = async () => {
    const { released, failures } = await releaseGoneWorkers(aged);
    expect(failures).toEqual([]);
    return released;
  };

  it('are released once, their jobs and attempts with them', async () => {
    const [lost, others] = [await addJob(), await addJob()];
    const id = await addWorker(10);
    const since = new Date(Date.now() - 12_000).toISOString();
    const claim = randomUUID();
    await db.query('update donations.workers set running = $2 where id = $1', [
      id,
      JSON.stringify([
        { job: lost, task: 'send_receipt', attempt: 2, claim, donation: 'don_1', since },
      ]),
    ]);
    await lock(lost, 'pool');
    await lock(others, 'another pool');
    const all = await Promise.all(Array.from({ length: 8 }, () => releaseGoneWorkers(aged)));
    expect(all.flatMap(({ released }) => released.map((worker) => worker.id))).toEqual([id]);
    expect((await jobRow(lost))?.locked_by).toBeNull();
    expect((await jobRow(others))?.locked_by).toBe('another pool');
    const { rows } = await db.query('select * from donations.job_attempts');
    expect(rows).toMatchObject([
      {
        job_id: BigInt(lost),
        attempt: 2,
        claim,
        worker_id: id,
        outcome: 'abandoned',
        donation_id: 'don_1',
      },
    ]);
    expect(await released()).toEqual([]);
  });

  it('are not those that hold their lock, until they are silent for very long', async () => {
    const id = await addWorker(13);
    const session = await db.session('worker');
    await holdWorkerLock(session, id);
    expect(await released()).toEqual([]);
    await db.query(`update donations.workers set seen_at = now() - interval '16 s'`);
    expect(await released()).toMatchObject([{ id }]);
    await session.end();
  });

  it('are known as soon as their connection ends', async () => {
    const id = await addWorker(10);
    const session = await db.session('worker');
    await holdWorkerLock(session, id);
    expect(await released()).toEqual([]);
    await session.end();
    await vi.waitFor(async () => expect(await released()).toMatchObject([{ id }]));
  });

  it('are not those that were heard of, or have ended in good order', async () => {
    await addWorker(1);
    const ended = await addWorker(10);
    await db.query('update donations.workers set stopped_at = now() where id = $1', [ended]);
    expect(await released()).toEqual([]);
  });

  it('are nobody while Postgres has just started', async () => {
    const id = await addWorker(100);
    await db.query(`update fake.started set at = now() - interval '5 s'`);
    expect(await released()).toEqual([]);
    await db.query(`update fake.started set at = now() - interval '16 s'`);
    expect(await released()).toMatchObject([{ id }]);
  });

  it('are released whatever their clocks said', async () => {
    const [behind, ahead] = [await addJob(), await addJob()];
    for (const [job, pool, days] of [
      [behind, 'behind', -30],
      [ahead, 'ahead', 30],
    ] as const) {
      const id = await addWorker(10, pool);
      const since = new Date(Date.now() + days * 86_400_000).toISOString();
      await db.query('update donations.workers set running = $2 where id = $1', [
        id,
        JSON.stringify([{ job, task: 'send_receipt', attempt: 1, donation: null, since }]),
      ]);
      await lock(job, pool);
    }
    expect(await released()).toHaveLength(2);
    expect((await jobRow(behind))?.locked_by).toBeNull();
    const { rows } = await db.query<{ ms: string }>(
      'select duration_ms::text as ms from donations.job_attempts order by duration_ms',
    );
    expect(rows.map(({ ms }) => Number(ms))).toEqual([0, expect.any(Number)]);
  });

  it('hold up no other when something is wrong with one', async () => {
    const job = await addJob();
    const broken = await addWorker(20, 'broken');
    await db.query(
      `update donations.workers set running = '[{"job": "no number"}]' where id = $1`,
      [broken],
    );
    const id = await addWorker(10, 'gone');
    await lock(job, 'gone');
    const { released, failures } = await releaseGoneWorkers(aged);
    expect(released).toMatchObject([{ id }]);
    expect(failures).toMatchObject([{ id: broken }]);
    expect((await jobRow(job))?.locked_by).toBeNull();
  });
});

describe('pauses', () => {
  const pause = { task: 'send_receipt', cause: 'circuit', reason: 'down', probes: 0 } as const;
  const due = () => db.query('update donations.task_pauses set next_probe_at = now()');

  it('are one for each cause, and end cause by cause', async () => {
    expect(await pauseTask(db, pause)).toBe(true);
    expect(await pauseTask(db, { ...pause, reason: 'again' })).toBe(false);
    expect(await pauseTask(db, { ...pause, cause: 'operator' })).toBe(true);
    expect(await listPauses(db)).toMatchObject([
      { cause: 'circuit', reason: 'down' },
      { cause: 'operator' },
    ]);
    expect(await resumeTask(db, 'send_receipt', 'circuit')).toHaveLength(1);
    expect(await listPauses(db)).toMatchObject([{ cause: 'operator' }]);
    expect(await resumeTask(db, 'send_receipt')).toHaveLength(1);
    expect(await listPauses(db)).toEqual([]);
  });

  it('end when their time is over', async () => {
    await pauseTask(db, { ...pause, until: new Date(Date.now() - 1000) });
    expect(await listPauses(db)).toEqual([]);
  });

  it('are probed by one of many, and each time later', async () => {
    await pauseTask(db, pause);
    expect(await takeDueProbes(db)).toEqual([]);
    await due();
    const taken = (await Promise.all(Array.from({ length: 8 }, () => takeDueProbes(db)))).flat();
    expect(taken).toMatchObject([{ task: 'send_receipt', probes: 1 }]);
    const { rows } = await db.query<{ s: number }>(
      'select extract(epoch from next_probe_at - now())::float8 as s from donations.task_pauses',
    );
    expect(rows[0]?.s).toBeGreaterThan(0.5);
    expect(rows[0]?.s).toBeLessThanOrEqual(2);
  });

  it('are probed every minute for days', async () => {
    await pauseTask(db, pause);
    await db.query('update donations.task_pauses set probes = 5000, next_probe_at = now()');
    const [taken] = await takeDueProbes(db);
    expect(taken?.probes).toBe(5001);
    const { rows } = await db.query<{ s: number }>(
      'select extract(epoch from next_probe_at - now())::float8 as s from donations.task_pauses',
    );
    expect(rows[0]?.s).toBeGreaterThan(50);
    expect(rows[0]?.s).toBeLessThanOrEqual(60);
  });

  it('that a probe has ended are taken up where they were, if they come again soon', async () => {
    const delay = async () => {
      const { rows } = await db.query<{ s: number }>(
        'select extract(epoch from next_probe_at - since)::float8 as s from donations.task_pauses',
      );
      return rows[0]?.s;
    };
    const delays = [];
    for (let i = 0; i < 8; i++) {
      expect(await pauseTask(db, pause)).toBe(true);
      delays.push(await delay());
      await due();
      const [taken] = await takeDueProbes(db);
      await resumeAfterProbe(db, taken as Pause);
      expect(await listPauses(db)).toEqual([]);
      expect(await takeDueProbes(db)).toEqual([]);
    }
    expect(delays).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    await db.query(`update donations.task_pauses set until = now() - interval '6 minutes'`);
    await pauseTask(db, pause);
    expect(await delay()).toBe(1);
  });

  it('for a time last as long as the longest that was asked for', async () => {
    const rest = (forMs: number) => restTask(db, { task: 'send_receipt', reason: 'slow', forMs });
    const left = async () => {
      const { rows } = await db.query<{ s: number }>(
        'select extract(epoch from until - now())::float8 as s from donations.task_pauses',
      );
      return rows[0]?.s;
    };
    await rest(30_000);
    await rest(1000);
    expect(await left()).toBeGreaterThan(20);
    expect(await listPauses(db)).toMatchObject([{ cause: 'rate_limited', nextProbeAt: null }]);
    await db.query(`update donations.task_pauses set until = now()`);
    expect(await listPauses(db)).toEqual([]);
    await rest(5000);
    expect(await left()).toBeLessThanOrEqual(5);
    expect(await listPauses(db)).toHaveLength(1);
  });

  it('that nobody probes are never due', async () => {
    await pauseTask(db, { task: 'send_receipt', cause: 'operator', reason: 'holiday' });
    expect(await takeDueProbes(db)).toEqual([]);
  });
});
