import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deliverDue } from '../../src/lib/alerts/deliver.ts';
import { evaluate } from '../../src/lib/alerts/evaluate.ts';
import { type Db, openDb } from '../../src/lib/db/database.ts';
import { KIND_NAMES, type RuleKind } from '../../src/lib/health/rule-kinds.ts';
import type { resolveRules } from '../../src/lib/health/rule-settings.ts';
import { newId } from '../../src/lib/ids.ts';
import { registerWorker } from '../../src/lib/queue/run/workers.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { addJob } from '../support/jobs.ts';
import { addDonation } from '../support/records.ts';
import { startSystem } from '../support/system.ts';
import { type Inbox, routesOf, startInbox, watching } from './harness.ts';

let inbox: Inbox;
beforeAll(async () => {
  inbox = await startInbox();
});
afterAll(() => inbox.close());
beforeEach(() => {
  inbox.requests.length = 0;
  inbox.answer = 200;
});

type Settings = Parameters<typeof resolveRules>[0];

/** The settings with which this rule alone is on. */
const only = (kind: RuleKind, settings: Settings[number] = {}): Settings =>
  KIND_NAMES.map((name) => ({
    name,
    enabled: name === kind,
    ...(name === kind ? settings : {}),
  }));

const told = () =>
  inbox.requests.flatMap(({ body }) =>
    JSON.parse(body).alerts.map(
      ({ event, rule, subject }: Record<string, string | null>) =>
        `${event} ${rule} ${subject ?? '-'}`,
    ),
  );

/** How a kind of trouble comes and goes, as the rule sees it. */
interface Trouble {
  settings?: Settings[number];
  subject: string;
  begin(db: Db): Promise<unknown>;
  end(db: Db): Promise<unknown>;
  /** The disk is looked at only where the database is on it. */
  onDisk?: true;
}

const emptyQueue = async (db: Db) => {
  await db.query('update graphile_worker._private_jobs set locked_at = null, locked_by = null');
  await db.query('select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker.jobs');
  await db.query('delete from donations.job_verdicts');
};
const pausedBy = (cause: string): Trouble => ({
  subject: 'send_receipt',
  begin: (db) =>
    db.query(
      `insert into donations.task_pauses (task, cause, reason, since)
       values ('send_receipt', $1, 'why', now() - interval '2 hours')`,
      [cause],
    ),
  end: (db) => db.query('delete from donations.task_pauses'),
});
const attempts = (startedAt: string): Trouble => ({
  subject: '',
  begin: (db) =>
    db.query(
      `insert into donations.job_attempts (job_id, task, attempt, started_at, latency_ms, duration_ms, outcome)
       select i, 'send_receipt', 1, ${startedAt}, 1, 1, 'failed' from generate_series(1, 20) i`,
    ),
  end: (db) => db.query('delete from donations.job_attempts'),
});
const events = (count: number, provider: string, type: string, subject: string) => (db: Db) =>
  db.query(
    `insert into donations.webhook_events (key, provider, type, subject)
     select $2 || i, $3, $2, $4 from generate_series(1, $1::int) i`,
    [count, type, provider, subject],
  );
const noEvents = (db: Db) => db.query('delete from donations.webhook_events');

const TROUBLES: Record<RuleKind, Trouble> = {
  backlog: {
    settings: { warning: 2, for: '0s' },
    subject: 'send_receipt',
    begin: (db) => Promise.all([addJob(db), addJob(db)]),
    end: emptyQueue,
  },
  wait: {
    settings: { for: '0s' },
    subject: 'send_receipt',
    begin: (db) => addJob(db, { ageMs: 90_000 }),
    end: emptyQueue,
  },
  errors: { ...attempts('now()'), subject: 'send_receipt' },
  failed: {
    subject: 'send_receipt',
    begin: (db) => addJob(db, { state: 'failed' }),
    end: emptyQueue,
  },
  held: { subject: 'send_receipt', begin: (db) => addJob(db, { state: 'held' }), end: emptyQueue },
  stuck: {
    subject: 'send_receipt',
    begin: (db) => addJob(db, { state: 'running', ageMs: 900_000 }),
    end: emptyQueue,
  },
  workers: {
    subject: '',
    // Released by another worker: in the first seconds of Postgres, silence alone ends no worker.
    begin: (db) =>
      db.query(
        `update donations.workers set seen_at = now() - interval '1 minute', released_at = now()`,
      ),
    end: (db) =>
      db.query(
        `update donations.workers set seen_at = now() + interval '1 hour', released_at = null`,
      ),
  },
  circuit: pausedBy('circuit'),
  refused: pausedBy('misconfigured'),
  paused: pausedBy('operator'),
  late: {
    subject: 'upkeep',
    begin: async (db) => {
      await db.query(`update donations.workers set started_at = now() - interval '2 hours'`);
      await db.query(
        `insert into donations.recurring_runs (name, started_at, ended_at, outcome, succeeded_at)
         select name, now(), now(), 'succeeded', now() - ago
         from (values ('samples', interval '0'), ('health', '0'), ('upkeep', '1 hour')) r (name, ago)`,
      );
    },
    end: (db) => db.query('update donations.recurring_runs set succeeded_at = now()'),
  },
  receipts_held: {
    settings: { warning: 1 },
    subject: '',
    begin: (db) =>
      db.transaction(async (tx) => {
        // Without the receipt itself, which does not matter to the rule.
        await tx.query('set local session_replication_role = replica');
        await tx.query(
          `insert into donations.receipt_deliveries (id, receipt_id, kind, recipient, status, claim, reason)
           values ($1, $2, 'original', 'ada@example.org', 'held', gen_random_uuid(), 'lost')`,
          [newId('delivery'), newId('receipt')],
        );
      }),
    end: (db) =>
      db.transaction(async (tx) => {
        await tx.query('set local session_replication_role = replica');
        await tx.query('delete from donations.receipt_deliveries');
      }),
  },
  bounced: { subject: '', begin: events(20, 'sendgrid', 'bounce', 'dlv_1'), end: noEvents },
  contradictions: {
    subject: '',
    async begin(db) {
      const id = await addDonation(db, { status: 'failed' });
      await events(1, 'stripe', 'payment_intent.succeeded', id)(db);
    },
    end: noEvents,
  },
  ledger: { ...attempts(`now() + interval '1 year'`), settings: { warning: 1 } },
  disk: {
    settings: { warning: 0.000001 },
    subject: '',
    onDisk: true,
    begin: async () => {},
    end: async () => {},
  },
};

describe('with three workers that restart before every round', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createTestDatabase();
    await registerWorker(database.db, {
      id: newId('worker'),
      ...{ host: 'here', pid: 1, version: 'test', concurrency: 1, tasks: ['send_receipt'] },
    });
    await TROUBLES.workers.end(database.db);
  });
  afterEach(() => database.drop());

  it.each(KIND_NAMES)('%s opens once and closes once', async (kind) => {
    const { settings, subject, begin, end, onDisk } = TROUBLES[kind];
    const rules = only(kind, settings);
    const options = watching(routesOf({ name: 'ops', via: 'webhook', url: inbox.url }), rules);
    const round = async ({ bad, isKilled = false }: { bad: boolean; isKilled?: boolean }) => {
      const dataDir = onDisk && bad ? '/' : undefined;
      await Promise.all(
        [1, 2, 3].map(async () => {
          const db = openDb({ url: database.url, applicationName: 'donations test', poolSize: 2 });
          await evaluate(db, { ...options, dataDir });
          if (!isKilled) await deliverDue(db, options);
          await db.close();
        }),
      );
    };
    await round({ bad: false });
    expect(told()).toEqual([]);
    await begin(database.db);
    // Killed between deciding and delivering: the next ones deliver.
    await round({ bad: true, isKilled: true });
    expect(told()).toEqual([]);
    for (let i = 0; i < 3; i++) await round({ bad: true });
    const named = `${kind} ${subject || '-'}`;
    expect(told()).toEqual([`opened ${named}`]);
    await end(database.db);
    await round({ bad: false, isKilled: true });
    for (let i = 0; i < 3; i++) await round({ bad: false });
    expect(told()).toEqual([`opened ${named}`, `recovered ${named}`]);
    const { rows } = await database.db.query<{ kind: string }>(
      `select e.kind from donations.incident_events e order by e.id`,
    );
    expect(rows.map((row) => row.kind)).toEqual(['opened', 'closed']);
  });
});

describe('a worker that is killed with SIGKILL', () => {
  const opened = 'opened failed send_receipt';
  it.each([
    // Claiming a delivery leaves it pending.
    { killed: 'between deciding and delivering', at: 'pending', before: [], after: [opened] },
    {
      ...{ killed: 'between delivering and writing that down', at: 'sent' },
      ...{ before: [opened], after: [opened, opened] },
    },
  ])('$killed loses no alert', async ({ at, before, after }) => {
    const system = await startSystem({
      DONATIONS_HEALTH_RULES: JSON.stringify(only('failed')),
      DONATIONS_ALERTS_ROUTES: JSON.stringify([{ name: 'ops', via: 'webhook', url: inbox.url }]),
    });
    try {
      // Updates to this status wait for as long as the gate has the lock.
      await system.db.query(
        `create function hold() returns trigger language plpgsql as $$
         begin perform pg_advisory_xact_lock(42); return new; end $$;
         create trigger hold before update on donations.alert_deliveries
         for each row when (new.status = '${at}') execute function hold()`,
      );
      const gate = await system.db.session('gate');
      await gate.query('select pg_advisory_lock(42)');
      await addJob(system.db, { state: 'failed' });
      const evaluator = system.startWorker();
      let waiting: number[] = [];
      await evaluator.until(async () => {
        const { rows } = await system.db.query<{ pid: number }>(
          `select pid from pg_stat_activity where wait_event = 'advisory'
             and query like '%update donations.alert_deliveries%' and datname = current_database()`,
        );
        waiting = rows.map(({ pid }) => pid);
        return rows.length > 0;
      });
      expect(told()).toEqual(before);
      await evaluator.kill();
      // Postgres would carry out what it was asked before it sees that the worker is gone.
      await system.db.query('select pg_terminate_backend(pid) from unnest($1::int[]) pid', [
        waiting,
      ]);
      await gate.end();
      const workers = [1, 2, 3].map(() => system.startWorker());
      const [first] = workers;
      await first?.until(async () => {
        // Instead of the two minutes until the claim has run out.
        await system.db.query(
          `update donations.alert_deliveries set claimed_until = now()
           where status = 'pending' and claimed_until > now() + interval '1 minute'
             and attempts = 1 and $1 = 'sent'`,
          [at],
        );
        return told().length === after.length;
      });
      await emptyQueue(system.db);
      await first?.until(() => told().length > after.length);
      for (const worker of workers) expect(await worker.stop()).toBe(0);
      expect(told()).toEqual([...after, 'recovered failed send_receipt']);
    } finally {
      await system.close();
    }
  });
});
