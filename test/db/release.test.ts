import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadConfig } from '../../src/lib/config.ts';
import type { Db } from '../../src/lib/db/database.ts';
import { newId } from '../../src/lib/ids.ts';
import { ensureOrganization } from '../../src/lib/organizations/organization.ts';
import { listJobs } from '../../src/lib/queue/read/list.ts';
import { parseJobFilter } from '../../src/lib/queue/read/vocabulary.ts';
import { adoptFailures } from '../../src/lib/queue/run/adopt.ts';
import { signOff } from '../../src/lib/queue/run/release.ts';
import { type RunningJob, registerWorker } from '../../src/lib/queue/run/workers.ts';
import { holdUnfinished } from '../../src/lib/receipts/deliver.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { addJob } from '../support/jobs.ts';
import { addReceipt } from '../support/receipts.ts';

let database: TestDatabase;
let db: Db;
let worker: string;
beforeEach(async () => {
  database = await createTestDatabase();
  db = database.db;
  worker = newId('worker');
  await ensureOrganization(db, loadConfig({ env: { HOME: '/nowhere' }, cwd: '/' }).config);
  const about = { host: 'here', pid: 1, version: '0', concurrency: 1, tasks: ['send_receipt'] };
  await registerWorker(db, { id: worker, ...about });
  await db.query(`update donations.workers set pool_id = 'pool' where id = $1`, [worker]);
});
afterEach(() => database.drop());

/** A job that a pool has fetched, as its attempt of this number. */
async function fetched(attempts: number, { id = '', pool = 'pool' } = {}): Promise<string> {
  const job = id || (await addJob(db));
  await db.query(
    `update graphile_worker._private_jobs set attempts = $2, locked_at = now(), locked_by = $3 where id = $1`,
    [job, attempts, pool],
  );
  return job;
}

const running = (job: string, attempt: number): RunningJob => ({
  job,
  task: 'send_receipt',
  attempt,
  claim: '00000000-0000-4000-8000-000000000000',
  donation: null,
  since: new Date().toISOString(),
});

async function attemptsOf(job: string): Promise<number> {
  const { rows } = await db.query<{ attempts: number; locked_by: string | null }>(
    'select attempts::int, locked_by from graphile_worker._private_jobs where id = $1',
    [job],
  );
  expect(rows[0]?.locked_by).toBeNull();
  return rows[0]?.attempts as number;
}

it('a job that was fetched again but not begun gets its attempt back', async () => {
  const first = await fetched(1);
  const waited = await fetched(7);
  const begun = await fetched(7);
  // The last heartbeat knew an earlier attempt of it, which has ended.
  const endedBefore = await fetched(8);
  const recorded = await fetched(7);
  await db.query(
    `insert into donations.job_attempts (job_id, task, attempt, started_at, latency_ms, duration_ms, outcome)
     values ($1, 'send_receipt', 7, now(), 0, 0, 'retry')`,
    [recorded],
  );
  const judged = await fetched(7);
  await db.query(
    `insert into donations.job_verdicts (job_id, task, decision, attempt, run_at, error_class, message, fingerprint)
     values ($1, 'send_receipt', 'retry', 7, now(), 'transient', 'x', 'x')`,
    [judged],
  );
  const ofAnother = await fetched(7, { pool: 'another pool' });

  await signOff(db, worker, [running(begun, 7), running(endedBefore, 7)]);
  expect(await attemptsOf(first)).toBe(1);
  expect(await attemptsOf(waited)).toBe(6);
  expect(await attemptsOf(begun)).toBe(7);
  expect(await attemptsOf(endedBefore)).toBe(7);
  expect(await attemptsOf(recorded)).toBe(7);
  expect(await attemptsOf(judged)).toBe(7);
  const { rows } = await db.query<{ attempts: number }>(
    'select attempts::int from graphile_worker._private_jobs where id = $1 and locked_by is not null',
    [ofAnother],
  );
  expect(rows).toEqual([{ attempts: 7 }]);
});

it('a job whose last attempt was lost is listed as failed at once, and its mail as held', async () => {
  const { jobId, deliveryId } = await addReceipt(db, 'pending');
  const job = String(jobId);
  await db.query(
    `update donations.receipt_deliveries set status = 'sending', claim = gen_random_uuid() where id = $1`,
    [deliveryId],
  );
  await db.query(
    `update graphile_worker._private_jobs set max_attempts = 3, run_at = now() - interval '1 hour',
       updated_at = now() - interval '1 hour' where id = $1`,
    [job],
  );
  await fetched(3, { id: job });
  // Everything that failed until now is adopted.
  await adoptFailures(db, holdUnfinished);

  await signOff(db, worker, [running(job, 3)]);
  expect(await adoptFailures(db, holdUnfinished)).toBe(1);
  const { jobs } = await listJobs(db, parseJobFilter('state:held'), { limit: 10, sort: 'oldest' });
  expect(jobs).toMatchObject([{ id: job, error: expect.stringContaining('attempts are used up') }]);
  const { rows } = await db.query(
    'select status, reason from donations.receipt_deliveries where id = $1',
    [deliveryId],
  );
  expect(rows).toMatchObject([
    { status: 'held', reason: expect.stringContaining('may have been') },
  ]);
});
