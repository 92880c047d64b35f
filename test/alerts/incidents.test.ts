import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deliverDue } from '../../src/lib/alerts/deliver.ts';
import { evaluate } from '../../src/lib/alerts/evaluate.ts';
import { acknowledge, listIncidents } from '../../src/lib/alerts/incidents.ts';
import { endSilences, silence } from '../../src/lib/alerts/silences.ts';
import { loadConfig } from '../../src/lib/config.ts';
import { findAffected } from '../../src/lib/health/affected.ts';
import { assess } from '../../src/lib/health/assess.ts';
import type { Rule } from '../../src/lib/health/rule-kinds.ts';
import { resolveRules } from '../../src/lib/health/rule-settings.ts';
import { newId } from '../../src/lib/ids.ts';
import { ensureOrganization } from '../../src/lib/organizations/organization.ts';
import { registerWorker } from '../../src/lib/queue/run/workers.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { donateInBackground } from '../support/donate.ts';
import { addJob } from '../support/jobs.ts';
import { gift } from '../support/system.ts';
import { type Inbox, routesOf, startInbox, watching } from './harness.ts';

const { config } = loadConfig({ env: { HOME: '/tmp' }, cwd: '/tmp' });
let database: TestDatabase;
let inbox: Inbox;
beforeAll(async () => {
  inbox = await startInbox();
});
afterAll(() => inbox.close());
beforeEach(async () => {
  database = await createTestDatabase();
  inbox.requests.length = 0;
  inbox.answer = 200;
  // A worker is there, so that its absence is not what is wrong.
  await registerWorker(database.db, {
    id: newId('worker'),
    ...{ host: 'here', pid: 1, version: 'test', concurrency: 1, tasks: ['send_receipt'] },
  });
  await database.db.query(`update donations.workers set seen_at = now() + interval '1 hour'`);
});
afterEach(() => database.drop());

const operator = { actor: 'grace', host: 'here' };
const routes = () => routesOf({ name: 'ops', via: 'webhook', url: inbox.url });
const failedOnly = [
  ...['backlog', 'wait', 'late', 'workers'].map((name) => ({ name, enabled: false })),
  { name: 'failed', warning: 1, critical: 3 },
];
const look = async (options = watching(routes(), failedOnly)) => {
  await evaluate(database.db, options);
  return deliverDue(database.db, options);
};
const fail = () => addJob(database.db, { state: 'failed' });
const mend = async () => {
  await database.db.query(
    'select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker.jobs',
  );
  await database.db.query('delete from donations.job_verdicts');
};
const told = () =>
  inbox.requests.flatMap(({ body }) =>
    JSON.parse(body).alerts.map(
      ({ event, level }: { event: string; level: string }) => `${event} ${level}`,
    ),
  );
const kinds = async () =>
  (
    await database.db.query<{ kind: string }>(
      'select kind from donations.incident_events order by id',
    )
  ).rows.map(({ kind }) => kind);

describe('an incident', () => {
  it('opens once, gets worse, gets better and closes once', async () => {
    await look();
    expect(await listIncidents(database.db, { limit: 10 })).toEqual([]);
    await fail();
    await look();
    await look();
    expect(told()).toEqual(['opened warning']);
    await fail();
    await fail();
    await look();
    await look();
    expect(told()).toEqual(['opened warning', 'raised critical']);
    await mend();
    await look();
    await look();
    expect(told()).toEqual(['opened warning', 'raised critical', 'recovered critical']);
    expect(await kinds()).toEqual(['opened', 'raised', 'closed']);
    const [incident, ...others] = await listIncidents(database.db, { sinceMs: 60_000, limit: 10 });
    expect(others).toEqual([]);
    expect(incident).toMatchObject({
      rule: 'failed',
      subject: 'send_receipt',
      worst: 'critical',
      peak: 3,
    });
    expect(incident?.closedAt).not.toBeNull();
    // The same again is another incident.
    await fail();
    await look();
    expect(told().slice(3)).toEqual(['opened warning']);
  });

  it('is opened once and told once, however many evaluate at a time', async () => {
    await fail();
    await Promise.all(Array.from({ length: 8 }, () => look()));
    await Promise.all(Array.from({ length: 8 }, () => look()));
    expect(await listIncidents(database.db, { limit: 10 })).toHaveLength(1);
    expect(await kinds()).toEqual(['opened']);
    expect(told()).toEqual(['opened warning']);
  });

  it('is told although whoever decided died before delivering, and by another', async () => {
    await fail();
    await evaluate(database.db, watching(routes(), failedOnly));
    expect(told()).toEqual([]);
    expect(await deliverDue(database.db, watching(routes(), failedOnly))).toMatchObject([
      { route: 'ops', alerts: 1, failure: undefined },
    ]);
    expect(told()).toEqual(['opened warning']);
  });

  it('is told twice and not never when whoever delivered died before writing it down', async () => {
    await fail();
    await look();
    // As it was between the delivery and its record.
    await database.db.query(
      `update donations.alert_deliveries set status = 'pending', sent_at = null, claimed_until = now() + interval '1 minute'`,
    );
    await look();
    expect(told()).toHaveLength(1);
    await database.db.query(
      `update donations.alert_deliveries set claimed_until = now() - interval '1 second'`,
    );
    await look();
    expect(told()).toEqual(['opened warning', 'opened warning']);
    const ids = inbox.requests.map(({ body }) => JSON.parse(body).alerts[0].id);
    expect(new Set(ids).size).toBe(1);
  });

  it('ends when its rule is switched off', async () => {
    await fail();
    await look();
    await look(watching(routes(), [...failedOnly.slice(0, 4), { name: 'failed', enabled: false }]));
    expect(await kinds()).toEqual(['opened', 'closed']);
  });

  it('names the jobs and what most of them have in common', async () => {
    await fail();
    await fail();
    await look();
    const [incident] = await listIncidents(database.db, { limit: 1 });
    expect(incident).toMatchObject({ jobs: 2, donors: 0, cause: 'it broke' });
  });
});

describe('reminders, acknowledgements and silences', () => {
  const reminding = () =>
    watching(routesOf({ name: 'ops', via: 'webhook', url: inbox.url, remind: '1h' }), failedOnly);
  const age = () =>
    database.db.query(
      `update donations.alert_deliveries set created_at = created_at - interval '2 hours'`,
    );

  it('tell it again while it stands, unless somebody has taken it on', async () => {
    await fail();
    await look(reminding());
    await look(reminding());
    expect(told()).toEqual(['opened warning']);
    await age();
    await look(reminding());
    await look(reminding());
    expect(told().slice(1)).toEqual(['reminder warning']);
    const [incident] = await listIncidents(database.db, { limit: 1 });
    const acked = await acknowledge(database.db, {
      ...{ id: incident?.id ?? '', forMs: 3_600_000, reason: 'at it', operator },
    });
    expect(acked).toMatchObject({ acknowledged: true, acknowledgedBy: 'grace' });
    await age();
    await look(reminding());
    expect(told()).toHaveLength(2);
    await database.db.query(`update donations.incidents set acknowledged_until = now()`);
    await look(reminding());
    expect(told().slice(2)).toEqual(['reminder warning']);
  });

  it('a worse level is told although it is acknowledged', async () => {
    await fail();
    await look();
    const [incident] = await listIncidents(database.db, { limit: 1 });
    await acknowledge(database.db, {
      ...{ id: incident?.id ?? '', forMs: undefined, reason: undefined, operator },
    });
    await fail();
    await fail();
    await look();
    expect(told()).toEqual(['opened warning', 'raised critical']);
  });

  it('what is silenced is told when the silence is over and it is still so', async () => {
    const quiet = { rule: undefined, task: 'send_receipt', reason: 'moving', operator };
    await silence(database.db, { ...quiet, forMs: 3_600_000 });
    await fail();
    await look();
    expect(told()).toEqual([]);
    expect(await listIncidents(database.db, { limit: 1 })).toMatchObject([{ silenced: true }]);
    await endSilences(database.db, quiet);
    await look();
    expect(told()).toEqual(['opened warning']);
  });
});

describe('a route that fails', () => {
  it('is tried again, and the alert arrives', async () => {
    inbox.answer = 503;
    await fail();
    expect(await look()).toMatchObject([{ route: 'ops', failure: 'answered 503' }]);
    inbox.answer = 200;
    await database.db.query('update donations.alert_deliveries set due_at = now()');
    expect(await look()).toMatchObject([{ failure: undefined }]);
    expect(told()).toEqual(['opened warning', 'opened warning']);
  });

  it('hands over to the route that stands in, which is told the end as well', async () => {
    const dead = await startInbox();
    await dead.close();
    const options = watching(
      routesOf(
        {
          name: 'first',
          via: 'slack',
          url: `${dead.url}/services/T0/B0/hunter2hunter2`,
          fallback: 'second',
        },
        { name: 'second', via: 'webhook', url: inbox.url, standby: true },
      ),
      failedOnly,
    );
    await fail();
    expect(await look(options)).toMatchObject([{ route: 'first', failure: 'ECONNREFUSED' }]);
    expect(await look(options)).toMatchObject([{ route: 'second', failure: undefined }]);
    await mend();
    await look(options);
    await look(options);
    expect(told()).toEqual(['opened warning', 'recovered warning']);
    const { rows } = await database.db.query('select * from donations.alert_deliveries');
    expect(JSON.stringify([rows, options.lines])).not.toContain('hunter2');
  });
});

it.each(resolveRules([]))('$name finds whom it affects', async (rule) => {
  for (const subject of ['', 'send_receipt']) {
    const affected = await findAffected(database.db, rule, subject);
    expect(affected).toMatchObject({ amounts: [], cause: null });
    expect(affected.donors ?? 0).toBe(0);
  }
});

it('whom it affects are donors, each once, and their gifts by currency', async () => {
  const { db } = database;
  await ensureOrganization(db, config);
  const given = [gift({ email: 'a@example.org' }), gift({ email: 'a@example.org' })];
  given.push(gift({ email: 'b@example.org', amount: { minor: 700n, currency: 'jpy' } }));
  const ids: string[] = [];
  for (const each of given) ids.push(await donateInBackground({ db }, each));
  const rule = (name: string) => resolveRules([]).find((each) => each.name === name) as Rule;
  const expected = {
    jobs: 3,
    donors: 2,
    amounts: [
      { currency: 'jpy', minor: '700' },
      { currency: 'usd', minor: '10000' },
    ],
  };
  for (const name of ['backlog', 'wait', 'circuit', 'paused'])
    expect(await findAffected(db, rule(name), 'charge_card'), name).toMatchObject(expected);
  expect(await findAffected(db, rule('workers'), '')).toMatchObject({ donors: 2 });
  expect(await findAffected(db, rule('wait'), 'tokenize_card')).toMatchObject({
    jobs: 0,
    donors: 0,
  });
  for (const donation_id of ids)
    await addJob(db, { state: 'held', payload: { donation_id }, error: 'who knows' });
  expect(await findAffected(db, rule('held'), 'send_receipt')).toMatchObject({
    ...expected,
    cause: 'who knows',
  });
});

describe('health', () => {
  it('says what is wrong with nobody having evaluated, and is well without it', async () => {
    const options = { ...watching([], failedOnly), withinMs: 5000 };
    expect(await assess(database.db, options)).toMatchObject({
      level: 'ok',
      reasons: [],
      unread: [],
    });
    await fail();
    expect(await assess(database.db, options)).toMatchObject({
      level: 'warning',
      reasons: [{ rule: 'failed', subject: 'send_receipt', text: 'send_receipt 1 failed' }],
    });
  });

  it('looks at everything by default', async () => {
    const options = { ...watching([]), withinMs: 20_000 };
    for (let i = 0; i < 3; i++) await addJob(database.db, { ageMs: 120_000 });
    await addJob(database.db, { state: 'running', ageMs: 1_900_000 });
    await addJob(database.db, { state: 'held' });
    await database.db.query(
      `insert into donations.task_pauses (task, cause, reason, since) values
         ('charge_card', 'misconfigured', 'key refused', now() - interval '1 minute'),
         ('send_receipt', 'circuit', 'down', now() - interval '3 minutes')`,
    );
    const { reasons, unread, rules } = await assess(database.db, options);
    expect(unread).toEqual([]);
    expect(reasons.map(({ level, rule, subject }) => [level, rule, subject])).toEqual([
      ['critical', 'stuck', 'send_receipt'],
      ['critical', 'circuit', 'send_receipt'],
      ['critical', 'refused', 'charge_card'],
      ['warning', 'wait', 'send_receipt'],
      ['warning', 'held', 'send_receipt'],
    ]);
    expect(rules.length).toBeGreaterThan(14);
    await database.db.query('delete from donations.workers');
    expect((await assess(database.db, options)).reasons[0]).toMatchObject({ rule: 'stuck' });
    expect((await assess(database.db, options)).reasons.map(({ rule }) => rule)).toContain(
      'workers',
    );
  });

  it('counts the jobs of a filter', async () => {
    const rules = [
      ...failedOnly.slice(0, 4),
      { name: 'timeouts', kind: 'failed' as const, filter: 'error:~timeout', warning: 2 },
    ];
    const options = { ...watching([], rules), withinMs: 5000 };
    await addJob(database.db, { state: 'failed', error: 'read timeout' });
    await fail();
    expect((await assess(database.db, options)).reasons.map(({ rule }) => rule)).not.toContain(
      'timeouts',
    );
    await addJob(database.db, { state: 'failed', error: 'connect timeout' });
    expect((await assess(database.db, options)).reasons).toContainEqual(
      expect.objectContaining({ rule: 'timeouts', value: 2, text: 'timeouts: 2 failed' }),
    );
  });
});
