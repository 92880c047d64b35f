import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Db } from '../../src/lib/db/database.ts';
import { enqueue } from '../../src/lib/queue/enqueue.ts';
import type { AttemptRow, VerdictRow } from '../../src/lib/queue/run/attempt.ts';
import { createRecorder, type Entry, type RowChange } from '../../src/lib/queue/run/recorder.ts';
import { applyVerdicts } from '../../src/lib/queue/run/verdicts.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let db: Db;
let record: ReturnType<typeof createRecorder>;
beforeEach(async () => {
  database = await createTestDatabase();
  db = database.db;
  record = createRecorder(db, async (error) => {
    throw error;
  });
});
afterEach(() => database.drop());

/** Adds a job that pool `pool` is running, in its first attempt by default. */
async function runningJob(attempt = 1, pool = 'pool'): Promise<string> {
  const [id] = await enqueue(db, [
    { task: 'send_receipt', payload: { donation_id: 'don_1', delivery_id: 'dlv_1' } },
  ]);
  await db.query(
    `update graphile_worker._private_jobs set attempts = $2, locked_at = now(), locked_by = $3 where id = $1`,
    [id, attempt, pool],
  );
  return String(id);
}
const letGo = (job: string, attempts = 1) =>
  db.query(
    'update graphile_worker._private_jobs set attempts = $2, locked_at = null, locked_by = null where id = $1',
    [job, attempts],
  );

const attemptOf = (job: string, rest: Partial<AttemptRow> = {}): AttemptRow => ({
  job_id: job,
  task: 'send_receipt',
  attempt: 1,
  claim: randomUUID(),
  donation_id: 'don_1',
  worker_id: 'wrk_1',
  started_at: new Date().toISOString(),
  latency_ms: 1,
  duration_ms: 1,
  outcome: 'succeeded',
  error_class: null,
  error_code: null,
  error_message: null,
  fingerprint: null,
  http_status: null,
  request_id: null,
  next_in_ms: null,
  ...rest,
});
const verdictOf = (job: string, rest: Partial<VerdictRow> = {}): VerdictRow => ({
  job_id: job,
  task: 'send_receipt',
  donation_id: 'don_1',
  decision: 'hold',
  attempt: 1,
  locked_by: 'pool',
  delay_ms: null,
  attempts: null,
  error_class: 'unknown_outcome',
  error_code: null,
  message: 'timed out',
  fingerprint: 'f',
  ...rest,
});
const entry = (
  attempt: AttemptRow | undefined,
  verdict?: VerdictRow,
  changes: RowChange[] = [],
): Entry => ({
  jobId: attempt?.job_id ?? verdict?.job_id ?? '0',
  attempt,
  verdict,
  changes,
});

const ledger = async () =>
  (await db.query('select * from donations.job_attempts order by id')).rows;
const verdicts = async () => (await db.query('select * from donations.job_verdicts')).rows;

describe('no value that a job carries makes its record unwritable', () => {
  const hostile: [string, Partial<AttemptRow>, Partial<VerdictRow>][] = [
    ['due for 25 days', { latency_ms: 25 * 86_400_000 }, {}],
    ['due since the year 1', { latency_ms: 6e13 }, {}],
    ['due in no number of milliseconds', { latency_ms: Number.NaN }, {}],
    ['a clock that stepped back', { latency_ms: -5, duration_ms: -600_000 }, {}],
    ['fractions and infinities', { latency_ms: 0.4, duration_ms: Number.POSITIVE_INFINITY }, {}],
    ['NUL', { error_message: 'a\0b', request_id: '\0', error_code: '\0' }, { message: 'a\0b' }],
    [
      'halves of characters',
      { error_message: '\ud83d', donation_id: '\udc00x' },
      { message: '\ud83d\ud83d' },
    ],
    ['a megabyte in an index', { donation_id: 'x'.repeat(1e6) }, { donation_id: 'x'.repeat(1e6) }],
    ['a megabyte of words', { error_message: 'é'.repeat(1e6) }, { message: 'é'.repeat(1e6) }],
    ['a strange task', { task: `"'); drop -- \0\ud800${'t'.repeat(5000)}` }, { task: '\ud800\0' }],
    ['a status from nowhere', { http_status: 1e6 }, { error_code: '\0' }],
    ['a status that is none', { http_status: 4.5 }, {}],
    ['attempts without end', { attempt: 70_000 }, { attempts: 70_000 }],
    ['the year 275760', { started_at: '+275760-09-13T00:00:00.000Z' }, {}],
    ['the year before Christ', { started_at: '-000043-03-15T00:00:00.000Z' }, {}],
    ['no date', { started_at: 'yesterday' }, {}],
    ['a delay of eons', { next_in_ms: 9e15 }, { decision: 'retry', delay_ms: 9e15 }],
    [
      'a delay that is none',
      { next_in_ms: Number.NaN },
      { decision: 'retry', delay_ms: Number.NaN },
    ],
  ];
  it.each(hostile)('%s', async (_name, attempt, verdict) => {
    const job = await runningJob();
    await record(entry(attemptOf(job, { outcome: 'held', ...attempt }), verdictOf(job, verdict)));
    expect(await ledger()).toHaveLength(1);
    expect(await verdicts()).toHaveLength(1);
    await letGo(job);
    expect(await applyVerdicts(db)).toEqual({ applied: 1, waiting: 0 });
  });

  it('nor do the values of what it changes', async () => {
    await db.query('create table donations.told (what text)');
    const job = await runningJob();
    const sql = `insert into donations.told select what from json_to_recordset($1::json) as t(what text)`;
    await record(entry(attemptOf(job), undefined, [{ sql, row: { what: 'a\0\ud800😀' } }]));
    expect((await db.query('select what from donations.told')).rows).toEqual([
      { what: 'a\ufffd\ufffd😀' },
    ]);
  });
});

it('one entry that is refused takes none of its neighbours with it', async () => {
  await db.query('create table donations.told (what int check (what > 0))');
  const sql = `insert into donations.told select what from json_to_recordset($1::json) as t(what int)`;
  const jobs = await Promise.all([1, 2, 3].map(() => runningJob()));
  const ends = await Promise.allSettled(
    jobs.map((job, i) =>
      record(entry(attemptOf(job), undefined, [{ sql, row: { what: i === 1 ? -1 : 1 } }])),
    ),
  );
  expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect((await ledger()).map(({ job_id }) => String(job_id))).toEqual([jobs[0], jobs[2]]);
});

describe('an attempt', () => {
  it('is told once, however often it is recorded', async () => {
    const job = await runningJob();
    const attempt = attemptOf(job);
    await record(entry(attempt));
    await record(entry({ ...attempt, outcome: 'held' }));
    expect(await ledger()).toMatchObject([{ outcome: 'succeeded' }]);
  });

  it('that others have given up is told by itself in the end', async () => {
    const job = await runningJob();
    const attempt = attemptOf(job);
    await record(entry({ ...attempt, outcome: 'abandoned' }));
    await record(entry(attempt));
    expect(await ledger()).toMatchObject([{ outcome: 'succeeded', claim: attempt.claim }]);
  });

  it('is due again by the clock of Postgres', async () => {
    const job = await runningJob();
    await record(
      entry(
        attemptOf(job, { outcome: 'retry', next_in_ms: 30_000 }),
        verdictOf(job, { decision: 'retry', delay_ms: 30_000 }),
      ),
    );
    const { rows } = await db.query(
      `select a.next_run_at = v.run_at as same, v.run_at = v.decided_at + interval '30 s' as right
       from donations.job_verdicts v join donations.job_attempts a on a.job_id = v.job_id`,
    );
    expect(rows).toEqual([{ same: true, right: true }]);
  });
});

describe('a verdict', () => {
  it('is not given on a job that is gone', async () => {
    const job = await runningJob();
    await db.query('delete from graphile_worker._private_jobs where id = $1', [job]);
    await record(entry(attemptOf(job, { outcome: 'held' }), verdictOf(job)));
    expect(await verdicts()).toEqual([]);
    expect(await ledger()).toMatchObject([{ outcome: 'held' }]);
  });

  it('is not given on a job that another worker runs by now, or has run', async () => {
    const taken = await runningJob(2, 'another');
    const again = await runningJob(2, 'another');
    await letGo(again, 2);
    for (const job of [taken, again]) {
      await record(entry(attemptOf(job, { outcome: 'held' }), verdictOf(job)));
    }
    expect(await verdicts()).toEqual([]);
  });

  it('is written for an unlocked job that has not started since', async () => {
    const job = await runningJob();
    await letGo(job);
    await record(entry(attemptOf(job, { outcome: 'held' }), verdictOf(job)));
    expect(await verdicts()).toHaveLength(1);
  });

  it('of another attempt ends with its job when an earlier one comes through after all', async () => {
    // The worker had lost its lease; another one found the started mail and held it.
    const job = await runningJob(2, 'another');
    await record(
      entry(
        attemptOf(job, { attempt: 2, outcome: 'held' }),
        verdictOf(job, { attempt: 2, locked_by: 'another' }),
      ),
    );
    await letGo(job, 2);
    await applyVerdicts(db);
    await record(entry(attemptOf(job)));
    expect(await verdicts()).toEqual([]);
    expect((await db.query('select 1 from graphile_worker.jobs')).rowCount).toBe(0);
  });

  it('leaves a job that is running to who runs it', async () => {
    const job = await runningJob(2, 'another');
    await record(
      entry(
        undefined,
        verdictOf(job, { attempt: 2, locked_by: 'another', decision: 'retry', delay_ms: 0 }),
      ),
    );
    await record(entry(attemptOf(job)));
    expect((await db.query('select 1 from graphile_worker.jobs')).rowCount).toBe(1);
  });
});
