import { afterAll, beforeAll, expect, it } from 'vitest';
import { forgetPaced } from '../../src/lib/queue/change/recall.ts';
import { forgetDiscarded } from '../../src/lib/queue/change/restore.ts';
import { forgetSeen } from '../../src/lib/webhooks/seen.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const AGES = `(values (1, now() - interval '29 days'), (2, now() - interval '31 days')) as t(n, at)`;

it.each([
  [
    'discarded_jobs',
    forgetDiscarded,
    `(job_id, operation, discarded_at, task, payload, priority, run_at, attempts, max_attempts, created_at)
     select n, 'aud_1', at, 'send_receipt', '{}', 0, at, 1, 25, at from ${AGES}`,
  ],
  [
    'paced_retries',
    forgetPaced,
    `(job_id, operation, retried_at) select n, 'aud_1', at from ${AGES}`,
  ],
  [
    'webhook_events',
    forgetSeen,
    `(key, provider, type, received_at) select n::text, 'stripe', 'x', at from ${AGES}`,
  ],
])('of %s those older than the limit are deleted', async (table, forget, rows) => {
  const { db } = database;
  await db.query(`insert into donations.${table} ${rows}`);
  await forget(db, 30);
  const key = table === 'webhook_events' ? 'key' : 'job_id';
  const { rows: left } = await db.query(`select ${key}::text as id from donations.${table}`);
  expect(left).toEqual([{ id: '1' }]);
});
