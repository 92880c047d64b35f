import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listIncidents } from '../../src/lib/alerts/incidents.ts';
import { silence } from '../../src/lib/alerts/silences.ts';
import { parseIncidentFilter } from '../../src/lib/alerts/vocabulary.ts';
import { newId } from '../../src/lib/ids.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

const operator = { actor: 'grace', host: 'here' };

describe('a filter of incidents', () => {
  it.each([
    ['status:open', ['wait']],
    ['status:acknowledged', ['failed']],
    ['status:silenced', ['held']],
    ['status:over', ['disk']],
    ['-status:over', ['failed', 'held', 'wait']],
    ['level:critical', ['failed']],
    ['rule:failed,held', ['failed', 'held']],
    ['task:send_receipt -rule:wait', ['disk', 'failed', 'held']],
    ['by:grace', ['failed']],
    ['cause:~BROKE', ['failed']],
    ['donors:>10', ['failed']],
    ['jobs:<=2', ['wait']],
    ['age:>1h', ['disk', 'failed']],
    ['incident:inc_0', ['disk', 'failed', 'held', 'wait']],
  ])('%s lets %j through', async (text, rules) => {
    const { db } = database;
    const add = (rule: string, columns: string, values: string) =>
      db.query(
        `insert into donations.incidents (id, rule, kind, subject, level, worst, updated_at, ${columns})
         values ($1, $2, 'failed', 'send_receipt', $3, 'critical', now(), ${values})`,
        [newId('incident'), rule, rule === 'failed' ? 'critical' : 'warning'],
      );
    await add(
      'failed',
      'opened_at, acknowledged_by, acknowledged_at, cause, donors',
      `now() - interval '2 hours', 'grace', now(), 'it broke', 11`,
    );
    await add('held', 'opened_at', 'now()');
    await add('wait', 'opened_at, jobs', 'now(), 2');
    await add('disk', 'opened_at, closed_at', `now() - interval '2 hours', now()`);
    await silence(db, {
      rule: 'held',
      task: undefined,
      forMs: 60_000,
      reason: undefined,
      operator,
    });
    const filter = parseIncidentFilter(text);
    const found = await listIncidents(db, { filter, sinceMs: 3_600_000, limit: 10 });
    expect(found.map(({ rule }) => rule).sort()).toEqual(rules);
  });
});
