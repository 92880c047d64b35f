import { afterEach, beforeEach, expect, it } from 'vitest';
import { groupErrors } from '../../src/lib/queue/read/errors.ts';
import { listJobs } from '../../src/lib/queue/read/list.ts';
import { queueStats } from '../../src/lib/queue/read/stats.ts';
import { parseJobFilter } from '../../src/lib/queue/read/vocabulary.ts';
import { adoptAllFailures, adoptFailures } from '../../src/lib/queue/run/adopt.ts';
import { holdUnfinished } from '../../src/lib/receipts/deliver.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { addJob } from '../support/jobs.ts';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

const failed = async () => {
  const filter = parseJobFilter('state:failed');
  return (await listJobs(database.db, filter, { limit: 100, sort: 'oldest' })).jobs;
};
const FOREIGN = { state: 'failed by others', task: 'resize' } as const;

it('failures of others are listed, counted and grouped alike, before and after they are taken in', async () => {
  const { db } = database;
  for (const n of [1, 2]) await addJob(db, { ...FOREIGN, error: `bad size ${n}`, ageMs: n * 1000 });
  const look = async () => {
    const since = new Date(Date.now() - 3_600_000);
    const { groups } = await groupErrors(db, { since, windowMs: 60_000, limit: 10 });
    const { tasks } = await queueStats(db, 60_000);
    return {
      ids: (await failed()).map(({ id }) => id),
      groups: groups.map((group) => [group.fingerprint, group.failed, group.tasks]),
      stats: tasks.map(({ task, failed: count }) => [task, count]),
    };
  };
  const before = await look();
  expect(before.ids).toHaveLength(2);
  expect(await adoptFailures(db, holdUnfinished)).toBe(2);
  expect(await adoptFailures(db, holdUnfinished)).toBe(0);
  expect(await look()).toEqual(before);
  expect((await failed())[0]).toMatchObject({ errorClass: 'unrecorded', error: 'bad size 2' });
});

it('one that failed while its transaction was open is still seen', async () => {
  const { db } = database;
  await adoptFailures(db, holdUnfinished);
  const late = await addJob(db, { ...FOREIGN, ageMs: 30_000 });
  expect((await failed()).map(({ id }) => id)).toEqual([late]);
  expect(await adoptFailures(db, holdUnfinished)).toBe(1);
});

it('a job whose own verdict waits to be carried over is left to it', async () => {
  const { db } = database;
  const id = await addJob(db, FOREIGN);
  await db.query(
    `insert into donations.job_verdicts (job_id, task, decision, run_at, error_class, message, fingerprint)
     values ($1, 'resize', 'retry', now(), 'transient', 'x', 'x')`,
    [id],
  );
  expect(await adoptFailures(db, holdUnfinished)).toBe(0);
  expect(await failed()).toEqual([]);
});

it('takes in more than one batch', async () => {
  const { db } = database;
  await db.query(
    `with added as (select (graphile_worker.add_job('resize')).id from generate_series(1, 1500))
     select count(*) from added cross join lateral graphile_worker.permanently_fail_jobs(array[added.id], 'no')`,
  );
  expect(await adoptFailures(db, holdUnfinished)).toBe(1000);
  expect(await adoptFailures(db, holdUnfinished)).toBe(500);
  expect(await failed()).toHaveLength(100);
});

/** As Graphile Worker does it: `updated_at` keeps the time when the job was added. */
const useUp = (id: string) =>
  database.db.query(
    `update graphile_worker._private_jobs set attempts = max_attempts, last_error = 'no',
       run_at = greatest(now(), run_at) + interval '6 hours', locked_at = null where id = $1`,
    [id],
  );

it('a job that used up its attempts long after it was added is listed', async () => {
  const { db } = database;
  const id = await addJob(db, { task: 'resize', state: 'ready' });
  await db.query(`update graphile_worker._private_jobs set updated_at = now() - interval '3 days'`);
  await adoptFailures(db, holdUnfinished);
  await useUp(id);
  expect((await failed()).map((job) => job.id)).toEqual([id]);
  expect(await adoptFailures(db, holdUnfinished)).toBe(1);
  const { rows } = await db.query('select decided_at <= now() as past from donations.job_verdicts');
  expect(rows).toEqual([{ past: true }]);
  expect((await failed()).map((job) => job.id)).toEqual([id]);
});

it('one that was unlocked in its last attempt, which leaves no trace of when, is found by the upkeep', async () => {
  const { db } = database;
  const id = await addJob(db, { task: 'resize', state: 'ready' });
  await db.query(
    `update graphile_worker._private_jobs set attempts = max_attempts,
       run_at = now() - interval '3 days', updated_at = now() - interval '3 days'`,
  );
  await db.query(`insert into donations.settings values ('failures_seen_until', now()::text)`);
  expect(await adoptFailures(db, holdUnfinished)).toBe(0);
  await adoptAllFailures(db, holdUnfinished);
  expect((await failed()).map((job) => job.id)).toEqual([id]);
});

it('payloads that Postgres cannot take apart stop nobody', async () => {
  const { db } = database;
  const payloads = ['{"donation_id":"\\u0000"}', '{"donation_id":"\\ud800"}', '[1]', '7', 'null'];
  for (const payload of [...payloads, `{"donation_id":"${'x'.repeat(10_000)}"}`]) {
    await db.query(
      `with added as (select (graphile_worker.add_job('resize', $1::json)).id)
       select count(*) from added cross join lateral graphile_worker.permanently_fail_jobs(array[added.id], 'no')`,
      [payload],
    );
  }
  expect(await adoptFailures(db, holdUnfinished)).toBe(6);
});

it('failures of others are looked for among so many of the latest, and more are said to be there', async () => {
  const { db } = database;
  for (const n of [1, 2, 3]) await addJob(db, { ...FOREIGN, ageMs: n * 1000 });
  const read = async (attempts: number) => {
    const { tasks, more } = await queueStats(db, 60_000, { jobs: 100, attempts });
    return [tasks.find(({ task }) => task === 'resize')?.failed, more.has('failed')];
  };
  expect(await read(2)).toEqual([2, true]);
  expect(await read(4)).toEqual([3, false]);
  // Those that have verdicts are not told as more.
  await adoptAllFailures(db, holdUnfinished);
  expect(await read(2)).toEqual([3, false]);
});
