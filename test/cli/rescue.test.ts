import { randomUUID } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Session } from '../../src/lib/db/database.ts';
import { tallySince } from '../../src/lib/donations/tally.ts';
import { newId, shownId } from '../../src/lib/ids.ts';
import { holdWorkerLock, registerWorker } from '../../src/lib/queue/run/workers.ts';
import { runCli } from '../support/cli.ts';
import { createTestDatabase } from '../support/database.ts';
import { donateInBackground } from '../support/donate.ts';
import { addJob } from '../support/jobs.ts';
import { gift, type System, startSystem } from '../support/system.ts';

const HOUR = 3_600_000;

let system: System;
let sessions: Session[] = [];
beforeAll(async () => {
  // For a while after a start of Postgres no worker is treated as gone.
  const { db, drop } = await createTestDatabase();
  await db.query(
    `select pg_sleep(greatest(0, extract(epoch from pg_postmaster_start_time() + interval '15.5 s' - now())))`,
  );
  await drop();
});
beforeEach(async () => {
  system = await startSystem({ DONATIONS_ACTOR: 'grace' });
  sessions = [];
});
afterEach(async () => {
  await Promise.all(sessions.map((session) => session.end()));
  await system.close();
});

const cli = (...args: string[]) => runCli(['jobs', 'rescue', ...args], { env: system.env });
const plan = async (...args: string[]) =>
  JSON.parse((await cli('--dry-run', '--json', ...args)).stdout);
/** The ids of locked jobs by locker. */
const locked = async () =>
  Object.fromEntries(
    (
      await system.db.query<{ id: string; by: string }>(
        'select id::text, locked_by as by from graphile_worker.jobs where locked_at is not null',
      )
    ).rows.map(({ id, by }) => [id, by]),
  );
const audits = async () =>
  (
    await system.db.query(
      'select id, actor, action, subject, affected, reason, detail from donations.audit_log order by id',
    )
  ).rows;
const attempts = async () =>
  (
    await system.db.query(
      'select job_id::text as job, attempt, worker_id, outcome, duration_ms from donations.job_attempts order by job_id',
    )
  ).rows;

/** Adds one of our workers with a heartbeat of this age; live ones hold their session lock. */
async function addWorker(pool: string, { alive = false, silentSeconds = 10 } = {}) {
  const id = newId('worker');
  const facts = { host: 'web-1', pid: 42, version: '0', concurrency: 1, tasks: ['send_receipt'] };
  await registerWorker(system.db, { id, ...facts });
  if (alive) {
    const session = await system.db.session('a worker');
    await holdWorkerLock(session, id);
    sessions.push(session);
  }
  await system.db.query(
    `update donations.workers set pool_id = $2, seen_at = now() - make_interval(secs => $3) where id = $1`,
    [id, pool, alive ? 0 : silentSeconds],
  );
  return id;
}

const lock = (lockedBy: string, ageMs = 60_000, task = 'send_receipt') =>
  addJob(system.db, { state: 'running', lockedBy, ageMs, task });

describe('jobs rescue', () => {
  it('releases the jobs of a killed worker; a mail that was under way is held, not sent again', async () => {
    const { db, sandbox, deps } = system;
    await sandbox.setFaults('sendgrid', { path: 'POST', hangs: true });
    await donateInBackground(deps, gift());
    const worker = system.startWorker({ env: { DONATIONS_SENDGRID_TIMEOUT_MS: '60000' } });
    await worker.until(async () => {
      const { rows } = await db.query(
        `select 1 from donations.workers where running::text like '%send_receipt%'`,
      );
      return rows.length === 1;
    });
    // It is alive, and is not touched.
    expect(await plan()).toEqual([]);
    await worker.kill();
    await expect
      .poll(() => plan(), { timeout: 15_000 })
      .toMatchObject([{ status: 'gone', job_count: 1, tasks: ['send_receipt'], release: true }]);
    const before = await locked();
    const [job] = Object.keys(before);

    const unconfirmed = await cli();
    expect(unconfirmed.code).toBe(4);
    expect(unconfirmed.stderr).toContain('--yes');
    expect(unconfirmed.stderr).toContain('send_receipt');
    expect(await locked()).toEqual(before);
    expect(await audits()).toEqual([]);

    const { code, stdout, stderr } = await cli('--yes', '--reason', 'host is off');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Released 1 job.\n' });
    const [entry] = await audits();
    expect(stderr).toContain(`donations audit show ${entry?.id}`);
    expect(entry).toMatchObject({
      actor: 'grace',
      action: 'jobs.rescue',
      affected: 1,
      reason: 'host is off',
      subject: expect.stringMatching(/^wrk_/),
      detail: { released: [{ state: 'gone', jobs: [job] }] },
    });
    expect(await locked()).toEqual({});
    expect((await attempts()).filter((row) => row.job === job)).toMatchObject([
      { attempt: 1, outcome: 'abandoned', worker_id: entry?.subject },
    ]);

    await sandbox.clearFaults();
    const next = system.startWorker();
    await next.until(async () => (await tallySince(db, new Date(0))).held === 1);
    await next.stop();
    expect(await tallySince(db, new Date(0))).toMatchObject({ held: 1, accepted: 0 });
    expect(await sandbox.inbox()).toHaveLength(0);
    expect((await cli('--yes')).stderr).toContain('Nothing to rescue');
    expect(await audits()).toHaveLength(1);
  });

  it('never releases a live worker’s jobs without --force', async () => {
    const id = await addWorker('ours', { alive: true });
    await lock('ours', 2 * HOUR);
    const before = await locked();
    expect((await cli('--yes')).code).toBe(0);
    expect((await cli('--yes', '--locked-longer-than', '1h')).code).toBe(0);
    const refused = await cli('--yes', '--worker', id);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('it is alive');
    expect((await cli('--yes', '--force')).code).toBe(2);
    expect(await locked()).toEqual(before);
    expect(await audits()).toEqual([]);
    // A prefix of its id is accepted.
    expect((await cli('--yes', '--force', '--worker', id.slice(0, 20))).code).toBe(0);
    expect(await locked()).toEqual({});
    expect(await audits()).toMatchObject([{ affected: 1, subject: id }]);
  });

  it('keeps a worker whose connection is open although its heartbeat is late', async () => {
    const id = await addWorker('ours', { alive: true });
    await lock('ours');
    await system.db.query(`update donations.workers set seen_at = now() - interval '10 s'`);
    expect((await cli('--yes')).code).toBe(0);
    expect(Object.keys(await locked())).toHaveLength(1);
    await system.db.query(`update donations.workers set seen_at = now() - interval '16 s'`);
    expect(await plan()).toMatchObject([{ worker: id, status: 'gone', release: true }]);
  });

  it('releases the jobs of a stopped worker', async () => {
    const id = await addWorker('ours');
    await system.db.query('update donations.workers set stopped_at = now()');
    await lock('ours');
    expect(await plan('--worker', shownId(id))).toMatchObject([
      { status: 'stopped', host: 'web-1', release: true },
    ]);
    expect((await cli('--yes')).code).toBe(0);
    expect(await locked()).toEqual({});
  });

  it('lists a worker without a heartbeat, and releases its jobs when it is named', async () => {
    const jobs = [await lock('legacy-1', HOUR), await lock('legacy-1', 60_000, 'other')];
    const other = await lock('legacy-2');
    expect(await plan()).toMatchObject([
      { worker: 'legacy-1', status: 'no heartbeat', job_count: 2, release: false },
      { worker: 'legacy-2', status: 'no heartbeat', job_count: 1, release: false },
    ]);
    const untouched = await cli('--yes');
    expect(untouched.code).toBe(0);
    expect(untouched.stderr).toContain('Nothing to rescue');
    expect(Object.keys(await locked())).toHaveLength(3);

    const { code, stdout } = await cli('--yes', '--worker', 'legacy-1', '--json');
    expect(code).toBe(0);
    const [entry] = await audits();
    expect(JSON.parse(stdout)).toEqual({
      audit: entry?.id,
      released: 2,
      workers: ['legacy-1'],
    });
    expect(await locked()).toEqual({ [other]: 'legacy-2' });
    expect(entry).toMatchObject({
      subject: 'legacy-1',
      affected: 2,
      detail: { released: [{ locker: 'legacy-1', jobs }] },
    });
    const rows = await attempts();
    expect(rows).toMatchObject(
      jobs.map((job) => ({ job, attempt: 1, worker_id: null, outcome: 'abandoned' })),
    );
    expect(rows[0]?.duration_ms).toBeGreaterThanOrEqual(HOUR);
  });

  it('treats a worker that has locked a job recently as alive', async () => {
    const dead = await lock('dead', 3 * HOUR);
    const busy = [await lock('busy', 3 * HOUR), await lock('busy', 1000)];
    await lock('young', 60_000);
    expect(await plan('--locked-longer-than', '1h')).toMatchObject([
      { worker: 'dead', release: true },
      { worker: 'busy', release: false, reason: expect.stringContaining('alive') },
    ]);
    const { code, stdout, stderr } = await cli('--yes', '--locked-longer-than', '1h');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Released 1 job.\n' });
    expect(stderr).toMatch(/busy.*alive/);
    expect(Object.keys(await locked())).not.toContain(dead);
    const refused = await cli('--yes', '--worker', 'busy', '--locked-longer-than', '1h');
    expect(refused.code).toBe(1);
    expect(Object.keys(await locked())).toEqual(expect.arrayContaining(busy));
    await cli('--yes', '--force', '--locked-longer-than', '1h');
    expect(Object.values(await locked())).toEqual(['young']);
  });

  it.each([
    ['ours', []],
    ['legacy-1', ['--worker', 'legacy-1']],
  ])('releases each job of %s once, however many rescue at once', async (pool, args) => {
    if (pool === 'ours') await addWorker(pool);
    for (let i = 0; i < 5; i++) await lock(pool);
    // Nobody can start until all have made their plan.
    const waiting = async () => {
      const { rows } = await system.db.query<{ n: number }>(
        `select count(*)::int as n from pg_stat_activity where datname = current_database()
           and application_name = 'donations jobs rescue' and wait_event_type = 'Lock'`,
      );
      return rows[0]?.n;
    };
    const running = await system.db.transaction(async (tx) => {
      await tx.query('select 1 from graphile_worker._private_jobs for update');
      const started = Array.from({ length: 4 }, () => cli('--yes', '--json', ...args));
      await expect.poll(waiting, { timeout: 20_000 }).toBe(4);
      return started;
    });
    const all = await Promise.all(running);
    expect(all.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    const released = all.map(({ stdout }) => JSON.parse(stdout).released);
    expect(released.sort()).toEqual([0, 0, 0, 5]);
    expect(await audits()).toHaveLength(1);
  });

  it('keeps what the ledger knows of the end of an attempt', async () => {
    const claim = randomUUID();
    const id = await addWorker('ours');
    const job = await lock('ours');
    const since = new Date(Date.now() - 20_000).toISOString();
    await system.db.query('update donations.workers set running = $1', [
      JSON.stringify([{ job, task: 'send_receipt', attempt: 1, claim, donation: null, since }]),
    ]);
    await system.db.query(
      `insert into donations.job_attempts (job_id, task, attempt, claim, worker_id, started_at, latency_ms, duration_ms, outcome)
       values ($1, 'send_receipt', 1, $4, $2, $3, 0, 5, 'succeeded')`,
      [job, id, since, claim],
    );
    expect((await cli('--yes')).code).toBe(0);
    expect(await attempts()).toMatchObject([{ job, outcome: 'succeeded' }]);
  });

  it.each([
    [['--locked-longer-than', 'soon'], 2, 'not a duration'],
    [['--worker', 'wrk_nonsense'], 3, 'no worker'],
    [['--worker', 'nobody'], 0, 'nobody holds no jobs'],
    [['--locked-longer-than', '1h'], 0, 'Nothing to rescue'],
  ])('%j: exit code %i, nothing changed', async (args, expected, words) => {
    await lock('legacy-1');
    const { code, stderr } = await cli('--yes', ...args);
    expect(code).toBe(expected);
    expect(stderr).toContain(words);
    expect(Object.values(await locked())).toEqual(['legacy-1']);
    expect(await audits()).toEqual([]);
  });
});
