import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readWithin } from '../../src/lib/db/read.ts';
import { changeJobs } from '../../src/lib/queue/change/change-jobs.ts';
import { retry } from '../../src/lib/queue/change/retry.ts';
import { findJobsByKey } from '../../src/lib/queue/read/by-key.ts';
import { countJobs, listJobs, type Sort } from '../../src/lib/queue/read/list.ts';
import { queueStats } from '../../src/lib/queue/read/stats.ts';
import { parseJobFilter } from '../../src/lib/queue/read/vocabulary.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { addJob } from '../support/jobs.ts';
import { addDonation, addDonor } from '../support/records.ts';

let database: TestDatabase;
const jobs: Record<string, string> = {};
let donation: string;
let donor: string;

const HOUR = 3_600_000;

beforeAll(async () => {
  database = await createTestDatabase();
  const { db } = database;
  donor = await addDonor(db, 'Grace Hopper');
  donation = await addDonation(db, { donor });
  await db.query(
    `update donations.donations set campaign = 'Été 2026', received_on = '2026-11-23' where id = $1`,
    [donation],
  );
  await db.query(
    `insert into donations.workers (id, pool_id, host, pid, version, concurrency, tasks, seen_at, released_at)
     values ('wrk_' || repeat('0', 26), 'pool-alive', 'here', 1, '1', 1, '{}', now() + interval '1 hour', null),
            ('wrk_' || repeat('1', 26), 'pool-gone', 'here', 2, '1', 1, '{}', now() - interval '1 minute', now())`,
  );
  const of = { donation_id: donation };
  jobs.ready = await addJob(db, {
    payload: of,
    key: `tokenize:${donation}`,
    task: 'tokenize_card',
  });
  jobs.scheduled = await addJob(db, { state: 'scheduled', payload: { batch_id: 'bat_1' } });
  jobs.retrying = await addJob(db, { state: 'retrying', attempts: 4, error: 'timed out' });
  jobs.atWork = await addJob(db, { state: 'running', lockedBy: 'pool-alive', ageMs: 1000 });
  jobs.stuck = await addJob(db, { state: 'running', lockedBy: 'pool-gone', ageMs: 1000 });
  jobs.longLocked = await addJob(db, { state: 'running', lockedBy: 'other', ageMs: HOUR });
  jobs.failed = await addJob(db, {
    state: 'failed',
    payload: of,
    error: 'Timed out, 5%',
    ageMs: 2 * HOUR,
  });
  jobs.held = await addJob(db, { state: 'held', attempts: 2, ageMs: HOUR / 2 });
  jobs.foreign = await addJob(db, {
    state: 'failed by others',
    task: 'resize_image',
    queue: 'images',
    payload: { size: { width: '40' }, list: [1] },
    error: 'no such file',
  });
  await db.query(
    `insert into donations.job_attempts (job_id, task, attempt, donation_id, worker_id, started_at, latency_ms,
       duration_ms, outcome, error_class, error_code, fingerprint)
     values ($1, 'send_receipt', 4, null, 'wrk_9', now(), 0, 1, 'retry', 'transient', 'E503', 'abcdef123456')`,
    [jobs.retrying],
  );
});
afterAll(() => database.drop());

const found = async (text: string, sort?: Sort) => {
  const { jobs: page } = await listJobs(database.db, parseJobFilter(text), { limit: 100, sort });
  return page.map(({ id }) => Object.keys(jobs).find((name) => jobs[name] === id));
};

describe('a filter finds', () => {
  it.each<[text: string, names: string[]]>([
    ['state:ready', ['ready']],
    ['state:scheduled', ['scheduled']],
    ['state:retrying', ['retrying']],
    ['state:running', ['atWork', 'stuck', 'longLocked']],
    ['state:stuck', ['stuck', 'longLocked']],
    ['state:running -state:stuck', ['atWork']],
    ['state:failed', ['failed', 'foreign']],
    ['state:held', ['held']],
    ['task:tokenize_card', ['ready']],
    ['task:~CARD', ['ready']],
    ['-task:send_receipt', ['ready', 'foreign']],
    ['queue:images', ['foreign']],
    ['error:~TIMED', ['failed', 'retrying']],
    ['error:~5%', ['failed']],
    ['error:~5_', []],
    ['error:permanent', ['failed']],
    ['error:E42', ['failed', 'held']],
    ['error:transient', ['retrying']],
    ['fingerprint:abcdef', ['retrying']],
    ['batch:bat_1', ['scheduled']],
    ['age:>1h', ['failed', 'longLocked']],
    [
      'age:<90m',
      ['ready', 'scheduled', 'retrying', 'atWork', 'stuck', 'longLocked', 'held', 'foreign'],
    ],
    ['state:failed,held since:1h', ['held', 'foreign']],
    ['since:2020-01-01 state:failed', ['failed', 'foreign']],
    ['attempts:4', ['retrying']],
    ['attempts:>1', ['retrying', 'held', 'foreign']],
    ['worker:pool-gone', ['stuck']],
    ['worker:wrk_0000', ['atWork']],
    ['worker:wrk_9', ['retrying']],
    ['payload.size.width:40', ['foreign']],
    ['payload.size.width:4', []],
    ['payload.size.width:~4', ['foreign']],
    ['state:failed -payload.size.width:40', ['failed']],
    ['fund:"clean water"', ['ready', 'failed']],
    ['fund:water', []],
    ['campaign:~"ete 2026"', ['ready', 'failed']],
    ['campaign:"ÉTÉ 2026"', ['ready', 'failed']],
    ['campaign:~hiver', []],
    ['amount:50', ['ready', 'failed']],
    ['amount:50usd,70eur', ['ready', 'failed']],
    ['amount:50eur', []],
    ['amount:>49.99', ['ready', 'failed']],
    ['amount:>50', []],
    ['amount:<=50.001', ['ready', 'failed']],
    ['received:2026-11', ['ready', 'failed']],
    ['received:2026-11-22', []],
    ['received:>2026-11-22', ['ready', 'failed']],
    ['received:<=2026-11', ['ready', 'failed']],
    ['received:<2026-11', []],
    ['age:>36000d', []],
    ['retry:aud_0', []],
    ['donation:don_nobody', []],
    ['donor:nobody@example.org', []],
    ['donor:~hopper', ['ready', 'failed']],
    ['state:ready state:failed', []],
  ])('%s', async (text, names) => {
    expect((await found(text)).sort()).toEqual(names.sort());
  });

  it('what is a donation’s or a donor’s', async () => {
    expect((await found(`donation:${donation}`)).sort()).toEqual(['failed', 'ready']);
    expect(await found(`donation:${donation.slice(0, 20)} state:failed`)).toEqual(['failed']);
    expect((await found(`donor:${donor.toUpperCase()}@EXAMPLE.ORG`)).sort()).toEqual([
      'failed',
      'ready',
    ]);
    expect(await found(`-donor:${donor} state:failed`)).toEqual(['foreign']);
  });

  it('jobs by their ids, in whatever state', async () => {
    expect((await found(`job:${jobs.ready},${jobs.held},999999`)).sort()).toEqual([
      'held',
      'ready',
    ]);
  });
});

describe('a job between its verdict and its hand-over to Graphile Worker', () => {
  it.each(['hold', 'fail'] as const)('that is to %s is that already', async (decision) => {
    const { db } = database;
    const state = decision === 'hold' ? 'held' : 'failed';
    const id = await addJob(db, {
      state: 'retrying',
      task: 'resize_image',
      key: `between:${decision}`,
    });
    await db.query(
      `insert into donations.job_verdicts (job_id, task, decision, attempt, error_class, message, fingerprint)
       values ($1, 'resize_image', $2, 1, 'unknown_outcome', 'lost', 'f')`,
      [id, decision],
    );
    const { jobs: listed } = await listJobs(db, parseJobFilter(`job:${id}`), { limit: 10 });
    expect(listed).toMatchObject([{ id, state, error: 'lost' }]);
    expect(await findJobsByKey(db, [`between:${decision}`])).toMatchObject([{ id, state }]);
    const { tasks } = await queueStats(db, HOUR);
    expect(tasks.find(({ task }) => task === 'resize_image')).toMatchObject({ retrying: 0 });
    // A change skips it too.
    const change = changeJobs(
      retry({ timing: { delayMs: 0 }, includeUnknown: false }),
      parseJobFilter(`job:${id}`),
    );
    expect(await change.plan(db, 10)).toMatchObject({
      eligible: 0,
      skipped: [{ reason: expect.stringContaining('--include-unknown'), count: 1 }],
    });
    await db.query('select graphile_worker.complete_jobs(array[$1::bigint])', [id]);
    await db.query('delete from donations.job_verdicts where job_id = $1', [id]);
  });
});

describe('a row', () => {
  it('tells the subject, the attempts there really were, and the last error', async () => {
    const { jobs: page } = await listJobs(database.db, parseJobFilter(`job:${jobs.failed}`), {
      limit: 1,
    });
    expect(page[0]).toMatchObject({
      state: 'failed',
      task: 'send_receipt',
      attempts: 1,
      maxAttempts: 25,
      donation,
      donor,
      donorName: 'Grace Hopper',
      error: 'Timed out, 5%',
      errorClass: 'permanent',
    });
  });
});

describe('pages', () => {
  const lists: [text: string, sort: Sort | undefined][] = [
    ['', undefined],
    ['', 'oldest'],
    ['', 'attempts'],
    ['state:failed,held', 'newest'],
    ['state:failed,held,running', 'oldest'],
    ['state:ready,scheduled,retrying', undefined],
    ['state:ready,scheduled,retrying', 'newest'],
  ];
  it.each(lists)('of %j by %s hold each job once, in order', async (text, sort) => {
    const filter = parseJobFilter(text);
    const whole = (await listJobs(database.db, filter, { limit: 100, sort })).jobs;
    const paged: string[] = [];
    let after: string | undefined;
    do {
      const page = await listJobs(database.db, filter, { limit: 2, sort, after });
      paged.push(...page.jobs.map(({ id }) => id));
      after = page.next;
    } while (after !== undefined);
    expect(paged).toEqual(whole.map(({ id }) => id));
    expect(new Set(paged).size).toBe(paged.length);
    expect((await countJobs(database.db, filter)).count).toBe(paged.length);
  });

  it('do not go on from another list, or from nonsense', async () => {
    const { next } = await listJobs(database.db, parseJobFilter(''), { limit: 1 });
    for (const after of [next as string, 'x', '']) {
      await expect(
        listJobs(database.db, parseJobFilter('state:failed'), { limit: 1, after }),
      ).rejects.toMatchObject({ code: 'usage' });
    }
  });

  it('are counted up to a bound, and say so', async () => {
    expect(await countJobs(database.db, parseJobFilter(''), 5)).toEqual({ count: 5, more: true });
    expect(await countJobs(database.db, parseJobFilter(''), 9)).toEqual({ count: 9, more: false });
  });
});

describe('reading', () => {
  it('that takes too long is ended with a word on what to do', async () => {
    await expect(
      readWithin(database.db, 50, (tx) => tx.query('select pg_sleep(60)')),
    ).rejects.toMatchObject({ code: 'try_again', message: expect.stringContaining('0.05 s') });
  });

  it('cannot write', async () => {
    await expect(
      readWithin(database.db, 1000, (tx) => tx.query('delete from donations.job_verdicts')),
    ).rejects.toMatchObject({ code: '25006' });
  });
});
