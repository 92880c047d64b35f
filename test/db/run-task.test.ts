import type { JobHelpers } from 'graphile-worker';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { TaskRunner } from '../../src/jobs/run.ts';
import { runTask } from '../../src/jobs/run-task.ts';
import type { Task } from '../../src/jobs/task.ts';
import type { Db } from '../../src/lib/db/database.ts';
import { newId } from '../../src/lib/ids.ts';
import { ProviderError } from '../../src/lib/providers/errors.ts';
import { enqueue } from '../../src/lib/queue/enqueue.ts';
import { Brake } from '../../src/lib/queue/run/brake.ts';
import { createRecorder, type RowChange } from '../../src/lib/queue/run/recorder.ts';
import { Slots } from '../../src/lib/queue/run/slots.ts';
import { applyVerdicts } from '../../src/lib/queue/run/verdicts.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let db: Db;
let brake: Brake;
let lines: { level: number; msg: string; at?: string[] }[];
beforeEach(async () => {
  database = await createTestDatabase();
  db = database.db;
  lines = [];
  brake = new Brake({ db, threshold: 5, probe: async () => {}, onChange: () => {} });
  await db.query('create table donations.told (what text)');
});
afterEach(() => database.drop());

const runner = (rest: Partial<TaskRunner> = {}): TaskRunner => ({
  db,
  clock: { now: () => new Date() },
  log: pino({ level: 'debug' }, { write: (line) => void lines.push(JSON.parse(line)) }),
  workerId: newId('worker'),
  brake,
  record: createRecorder(db, async (error) => {
    throw error;
  }),
  verdictGiven: () => {},
  running: new Map(),
  slots: new Slots(2),
  holds: async () => true,
  announce: async () => {},
  underWay: new Map(),
  onBegin: () => {},
  resending: { whenUnknown: 'hold', resendLimit: 1 },
  random: () => 0.5,
  ...rest,
});

const payload = z.object({ donation_id: z.string(), delivery_id: z.string() });
const task = (rest: Partial<Task<'send_receipt'>>): Task =>
  ({ payload, run: async () => ({ outcome: 'succeeded' }), ...rest }) as Task;

/** Runs a job as Graphile Worker does: claims it, and unlocks it when it fails. */
async function runJob(
  of: Task,
  { id, with: options, set = '' }: { id?: bigint; with?: TaskRunner; set?: string } = {},
): Promise<{ id: bigint; error: Error | undefined }> {
  const [added] = id
    ? [id]
    : await enqueue(db, [
        { task: 'send_receipt', payload: { donation_id: 'don_1', delivery_id: 'dlv_1' } },
      ]);
  const { rows } = await db.query<JobHelpers['job']>(
    `update graphile_worker._private_jobs set attempts = attempts + 1, locked_at = now(), locked_by = 'pool'${set}
     where id = $1 returning *`,
    [added],
  );
  const job = rows[0] as JobHelpers['job'];
  let error: Error | undefined;
  try {
    await runTask(options ?? runner(), 'send_receipt', of)(job.payload, { job } as JobHelpers);
    await db.query('delete from graphile_worker._private_jobs where id = $1', [added]);
  } catch (thrown) {
    error = thrown as Error;
    await db.query(
      `update graphile_worker._private_jobs set locked_at = null, locked_by = null, last_error = $2,
         run_at = now() + interval '3 s' where id = $1`,
      [added, error.message],
    );
  }
  return { id: added as bigint, error };
}

const ledger = async () =>
  (await db.query('select * from donations.job_attempts order by id')).rows;
const verdicts = async () => (await db.query('select * from donations.job_verdicts')).rows;

const tells = (what: string): RowChange => ({
  sql: `insert into donations.told select what from json_to_recordset($1::json) as t(what text)`,
  row: { what },
});
/** A change that the database always refuses. */
const REFUSED: RowChange = {
  sql: `insert into donations.told select (what::int / 0)::text from json_to_recordset($1::json) as t(what text)`,
  row: { what: '1' },
};

it('an attempt after the first begins when Postgres knows of it', async () => {
  const events: string[] = [];
  const running = new Map();
  const announce = async () => {
    events.push(`announced with ${[...running.values()].map((job) => job.attempt)}`);
  };
  const told = task({
    run: async () => {
      events.push('run');
      return { outcome: 'succeeded' };
    },
  });
  await runJob(told, { with: runner({ running, announce }) });
  expect(events).toEqual(['run']);
  const [again] = await enqueue(db, [
    { task: 'send_receipt', payload: { donation_id: 'don_1', delivery_id: 'dlv_1' } },
  ]);
  await db.query('update graphile_worker._private_jobs set attempts = 3 where id = $1', [again]);
  await runJob(told, { id: again as bigint, with: runner({ running, announce }) });
  expect(events).toEqual(['run', 'announced with 4', 'run']);
});

describe('an attempt is recorded', () => {
  it('when the clock steps back while it runs', async () => {
    const times = ['2026-11-25T12:00:00Z', '2026-11-25T11:50:00Z'];
    const clock = { now: () => new Date(times.shift() ?? '2026-11-25T11:50:00Z') };
    expect((await runJob(task({}), { with: runner({ clock }) })).error).toBeUndefined();
    const [row] = await ledger();
    expect(row).toMatchObject({ outcome: 'succeeded' });
    expect(row?.duration_ms).toBeGreaterThanOrEqual(0);
  });

  it('when its job was due 25 days ago, or will be in a month by this clock', async () => {
    for (const days of [-25, 31]) {
      const set = `, run_at = now() + interval '${days} days'`;
      expect((await runJob(task({}), { set })).error).toBeUndefined();
    }
    expect((await ledger()).map(({ latency_ms }) => latency_ms)).toEqual([
      expect.closeTo(25 * 86_400_000, -5),
      0,
    ]);
  });

  it('whatever is thrown', async () => {
    const thrown = [Object.create(null), 'a\0\ud800', new Error('\0'), Symbol('x'), undefined];
    for (const each of thrown) {
      await runJob(
        task({
          run: async () => {
            throw each;
          },
        }),
      );
    }
    expect(await ledger()).toHaveLength(thrown.length);
  });
});

it('a stack in the log holds no text of the error', async () => {
  const secret =
    'sk_live_abcdefghijklmnop ada@example.org\n    at 4242424242424242 (/secret.ts:1:1)';
  await runJob(
    task({
      run: async () => {
        throw new TypeError(secret);
      },
    }),
  );
  const logged = JSON.stringify(lines);
  expect(lines.find(({ at }) => at)?.at?.[0]).toMatch(/run-task\.test\.ts:\d+:\d+/);
  for (const text of ['sk_live_abc', 'ada@', '4242424242424242']) {
    expect(logged).not.toContain(text);
  }
});

describe('when the database refuses the record', () => {
  it('a job that may have taken effect is held with the reason, and logged as an error', async () => {
    const { id, error } = await runJob(
      task({
        run: async () => ({ outcome: 'succeeded', changes: [REFUSED] }),
        onUnrecorded: (_payload, _attempt, reason) => [tells(reason)],
      }),
    );
    expect(error).toBeDefined();
    expect(await ledger()).toMatchObject([{ outcome: 'held', error_code: 'not_recorded' }]);
    expect(await verdicts()).toMatchObject([{ job_id: id, decision: 'hold' }]);
    const { rows } = await db.query<{ what: string }>('select what from donations.told');
    expect(rows[0]?.what).toMatch(/refused its record: division by zero/);
    expect(lines.filter(({ level }) => level >= 50)).toHaveLength(2);
    expect(await applyVerdicts(db)).toEqual({ applied: 1, waiting: 0 });
  });

  it('also when it failed, and its verdict was refused', async () => {
    await runJob(
      task({
        run: async () => {
          throw new ProviderError({ provider: 'sendgrid', errorClass: 'permanent', message: 'no' });
        },
        onFailure: () => [REFUSED],
        onUnrecorded: () => [],
      }),
    );
    expect(await ledger()).toMatchObject([{ outcome: 'held' }]);
    expect(await verdicts()).toMatchObject([{ decision: 'hold' }]);
  });

  it('what is safe to repeat is left to the retry', async () => {
    const { error } = await runJob(
      task({ run: async () => ({ outcome: 'succeeded', changes: [REFUSED] }) }),
    );
    expect(error?.message).toMatch(/division by zero/);
    expect(await verdicts()).toEqual([]);
    expect(lines.filter(({ level }) => level >= 50)).toHaveLength(1);
  });
});

describe('a job that is told to wait', () => {
  const limited = (retryAfterMs: number | undefined) =>
    task({
      run: async () => {
        throw new ProviderError({
          provider: 'sendgrid',
          errorClass: 'rate_limited',
          httpStatus: 429,
          message: 'SendGrid asked us to slow down (429)',
          retryAfterMs,
        });
      },
    });

  it('says why and how often, burns no attempt, and lets the task rest on every worker', async () => {
    const { id, error } = await runJob(limited(30_000));
    expect(error?.message).toBe('SendGrid asked us to slow down (429)');
    await applyVerdicts(db);
    await db.query('delete from donations.task_pauses');
    await brake.refresh();
    const { error: again } = await runJob(limited(30_000), { id, with: runner({ brake: calm() }) });
    expect(again?.message).toBe('SendGrid asked us to slow down (429), 2 times so far');
    await applyVerdicts(db);
    const { rows } = await db.query('select attempts::int, last_error from graphile_worker.jobs');
    expect(rows).toEqual([{ attempts: 0, last_error: again?.message }]);
    const other = new Brake({ db, threshold: 5, probe: async () => {}, onChange: () => {} });
    await other.refresh();
    expect(other.isPaused('send_receipt')).toBe(true);
    expect(other.forbiddenFlags()).toEqual(['task:send_receipt']);
  });

  it('comes again after 30 s by the clock of Postgres, whatever this one says', async () => {
    const clock = { now: () => new Date(Date.now() - 600_000) };
    await runJob(limited(30_000), { with: runner({ clock }) });
    const { rows } = await db.query<{ s: number }>(
      'select extract(epoch from run_at - decided_at)::float8 as s from donations.job_verdicts',
    );
    expect(rows).toEqual([{ s: 33.75 }]);
  });
});

/** The brake of another worker. */
const calm = () => new Brake({ db, threshold: 5, probe: async () => {}, onChange: () => {} });

it('a mail of unknown outcome is sent again once if the operator allows one, and then held', async () => {
  const unknown = task({
    run: async () => {
      throw new ProviderError({
        provider: 'sendgrid',
        errorClass: 'unknown_outcome',
        providerDown: true,
        message: 'timed out',
      });
    },
  });
  const resending = { whenUnknown: 'resend', resendLimit: 1 } as const;
  const options = () => runner({ resending, brake: calm() });
  const { id } = await runJob(unknown, { with: options() });
  expect(await verdicts()).toMatchObject([{ decision: 'retry', attempts: null }]);
  await applyVerdicts(db);
  await runJob(unknown, { id, with: options() });
  expect((await ledger()).map(({ outcome }) => outcome)).toEqual(['retry', 'held']);
  expect(await verdicts()).toMatchObject([{ decision: 'hold' }]);
});
