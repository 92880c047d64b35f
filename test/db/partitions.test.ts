import { afterEach, beforeEach, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

const ensure = () => database.db.query('select donations.ensure_attempt_partitions()');

/** Simulates the day after the last partition. */
async function dropPartitions(): Promise<void> {
  const { rows } = await database.db.query<{ name: string }>(
    `select relname as name from pg_class where relname ~ '^job_attempts_\\d{8}$' and relkind = 'r'`,
  );
  for (const { name } of rows) await database.db.query(`drop table donations.${name}`);
}

async function partitions(): Promise<number> {
  const { rows } = await database.db.query<{ count: number }>(
    `select count(*)::int as count from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'donations.job_attempts'::regclass and c.relname ~ '^job_attempts_\\d{8}$'`,
  );
  return rows[0]?.count ?? 0;
}

const addAttempt = (job: number, at: string) =>
  database.db.query(
    `insert into donations.job_attempts (job_id, task, attempt, started_at, latency_ms, duration_ms, outcome)
     values ($1, 'send_receipt', 1, ${at}, 1, 1, 'succeeded')`,
    [job],
  );

it('are made by whoever needs them, many at once', async () => {
  await dropPartitions();
  expect(await partitions()).toBe(0);
  await Promise.all(Array.from({ length: 6 }, ensure));
  expect(await partitions()).toBe(9);
});

it('take over what the default partition held of their days', async () => {
  await dropPartitions();
  const times = ['now()', `now() + interval '3 days'`, `now() - interval '40 days'`];
  for (const [i, at] of times.entries()) await addAttempt(i, at);
  await ensure();
  const { rows } = await database.db.query<{ job: bigint; part: string; id: bigint }>(
    'select job_id as job, tableoid::regclass::text as part, id from donations.job_attempts order by job_id',
  );
  expect(rows.map(({ part }) => part)).toEqual([
    expect.stringMatching(/job_attempts_\d{8}$/),
    expect.stringMatching(/job_attempts_\d{8}$/),
    expect.stringMatching(/job_attempts_default$/),
  ]);
  await addAttempt(9, `now() + interval '3 days'`);
  const { rows: added } = await database.db.query<{ id: bigint }>(
    'select id from donations.job_attempts where job_id = 9',
  );
  expect(added[0]?.id).toBeGreaterThan(Math.max(...rows.map(({ id }) => Number(id))));
});

it('are done without while somebody reads for long', async () => {
  await dropPartitions();
  await database.db.transaction(async (tx) => {
    await tx.query('select count(*) from donations.job_attempts');
    // The reader locks the default partition.
    await expect(ensure()).rejects.toMatchObject({ code: '55P03' });
    await addAttempt(1, 'now()');
  });
  await ensure();
  expect(await partitions()).toBe(9);
});

it('are dropped with their retention, and so is what the default partition holds of no day in sight', async () => {
  for (const days of [-100, 100, -20]) await addAttempt(days, `now() + interval '${days} days'`);
  await database.db.query('select donations.prune_attempts(90)');
  const { rows } = await database.db.query('select job_id::int as job from donations.job_attempts');
  expect(rows).toEqual([{ job: -20 }]);
});
