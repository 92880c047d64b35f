import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

// What we rely on in Graphile Worker's schema, some of it private: an upgrade that changes it must
// fail here and not in production.
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it.each([
  [
    '_private_jobs',
    ['id', 'payload', 'locked_by', 'locked_at', 'attempts', 'max_attempts', 'run_at'],
  ],
  [
    'jobs',
    [
      'id',
      'task_identifier',
      'run_at',
      'attempts',
      'max_attempts',
      'last_error',
      'created_at',
      'key',
      'locked_at',
      'locked_by',
      'flags',
    ],
  ],
  ['migrations', ['id']],
])('graphile_worker.%s has its columns', async (relation, columns) => {
  const { rows } = await database.db.query<{ name: string }>(
    `select attname as name from pg_attribute
     where attrelid = ('graphile_worker.' || $1)::regclass and attnum > 0 and not attisdropped`,
    [relation],
  );
  expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(columns));
});

it.each([
  ['add_job', ['identifier', 'payload', 'run_at', 'max_attempts', 'job_key', 'flags']],
  ['reschedule_jobs', ['job_ids', 'run_at', 'attempts']],
  ['permanently_fail_jobs', ['job_ids', 'error_message']],
  ['complete_jobs', ['job_ids']],
  ['force_unlock_workers', ['worker_ids']],
  ['remove_job', ['job_key']],
])('graphile_worker.%s takes its parameters by name', async (name, parameters) => {
  const { rows } = await database.db.query<{ names: string[] }>(
    `select proargnames as names from pg_proc
     where proname = $1 and pronamespace = 'graphile_worker'::regnamespace`,
    [name],
  );
  expect(rows).toHaveLength(1);
  expect(rows[0]?.names).toEqual(expect.arrayContaining(parameters));
});
