import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

// What we rely on in Graphile Worker's schema, some of it private. An upgrade that changes it must
// fail here.
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it.each([
  [
    '_private_jobs',
    [
      'id',
      'job_queue_id',
      'task_id',
      'payload',
      'priority',
      'run_at',
      'attempts',
      'max_attempts',
      'last_error',
      'created_at',
      'updated_at',
      'key',
      'locked_at',
      'locked_by',
      'flags',
      'is_available',
    ],
  ],
  ['_private_tasks', ['id', 'identifier']],
  ['_private_job_queues', ['id', 'queue_name']],
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

it.each([
  ['jobs_main_index', '(priority, run_at) INCLUDE (id, task_id', 'WHERE (is_available = true)'],
  ['donations_locked_jobs', '(locked_at, id)', 'WHERE (locked_at IS NOT NULL)'],
  [
    'donations_exhausted_jobs',
    '(GREATEST(updated_at, run_at), id)',
    'WHERE (attempts >= max_attempts)',
  ],
])('the index %s is what lists and counts read', async (name, columns, where) => {
  const { rows } = await database.db.query<{ def: string }>(
    `select indexdef as def from pg_indexes where schemaname = 'graphile_worker' and indexname = $1`,
    [name],
  );
  expect(rows[0]?.def).toContain(columns);
  expect(rows[0]?.def).toContain(where);
});
