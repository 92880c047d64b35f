import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Listener } from '../../src/commands/monitor/listener.ts';
import { Monitor } from '../../src/commands/monitor/monitor.ts';
import { INTERVALS, initialState, type State } from '../../src/commands/monitor/state.ts';
import { recordAudit } from '../../src/lib/audit/record.ts';
import type { Db } from '../../src/lib/db/database.ts';
import type { Need } from '../../src/lib/monitor/shared.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { SESSION } from '../tui/fixtures.ts';

let database: TestDatabase;
let db: Db;
beforeEach(async () => {
  database = await createTestDatabase();
  ({ db } = database);
});
afterEach(() => database.drop());

const change = (subject: string) =>
  recordAudit(db, { actor: 'grace', host: 'desk', action: 'jobs.pause', subject });
const addJob = () => db.query(`select graphile_worker.add_job('send_receipt')`);

describe('a monitor that is left alone', () => {
  const monitors: Monitor[] = [];
  afterEach(async () => {
    for (const each of monitors.splice(0)) await each.end();
  });

  /** Looks by itself once a minute: what is seen sooner was heard of. */
  function watch(connection: Db): Monitor {
    const state: State = {
      ...initialState(SESSION, { columns: 100, rows: 30, now: Date.now() }),
      interval: INTERVALS.indexOf(60_000),
    };
    const operations = {
      db: async () => db,
      read: () => Promise.reject(new Error('nothing is changed here')),
      operator: () => Promise.reject(new Error('nothing is changed here')),
      now: () => new Date(),
      inSpan: <T>(_name: string, work: () => Promise<T>) => work(),
    };
    const monitor = new Monitor(state, {
      db: connection,
      timeoutMs: 5000,
      operations,
      onEffect() {},
    });
    monitors.push(monitor);
    monitor.start();
    return monitor;
  }

  const until = (watched: Monitor, isSo: (state: State) => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => isSo(watched.state) && resolve();
      watched.watch(look);
      look();
    });
  const shows = (subject: string) => (state: State) =>
    state.snapshot?.events.value?.some(({ text }) => text.includes(subject)) ?? false;

  it('shows what changed, also what changed while it looked', async () => {
    let onRead: () => Promise<void> = async () => {};
    let onHeard: () => void = () => {};
    const slow: Db = Object.assign(Object.create(db) as Db, {
      session: async (...args: Parameters<Db['session']>) => {
        const session = await db.session(...args);
        session.on('notification', () => onHeard());
        return session;
      },
      transaction: async <T>(...args: Parameters<Db['transaction']>) => {
        const result = (await db.transaction(...args)) as T;
        await onRead();
        return result;
      },
    });
    const watched = watch(slow);
    await until(watched, ({ link }) => link.status === 'live');
    await change('first');
    await until(watched, shows('first'));
    let reads = 0;
    onRead = async () => {
      reads += 1;
      // Of the look for the second change the workers and the events have been read.
      if (reads !== 2) return;
      const heard = new Promise<void>((resolve) => {
        onHeard = resolve;
      });
      await change('third');
      await heard;
    };
    await change('second');
    await until(watched, shows('second'));
    await until(watched, shows('third'));
  });

  it('takes the place of the one that looked for it', async () => {
    const first = watch(db);
    await until(first, ({ link }) => link.status === 'live');
    const second = watch(db);
    await until(second, ({ link }) => link.status === 'live');
    const third = watch(db);
    await until(third, ({ link }) => link.status === 'live');
    await change('one');
    for (const each of [first, second, third]) await until(each, shows('one'));
    await first.end();
    await change('two');
    for (const each of [second, third]) await until(each, shows('two'));
    await second.end();
    await change('three');
    await until(third, shows('three'));
  });

  it('shows new jobs', async () => {
    const watched = watch(db);
    const ready = (state: State) =>
      (state.snapshot?.tasks.value?.rows ?? []).reduce((sum, row) => sum + (row.ready ?? 0), 0);
    await until(watched, ({ link }) => link.status === 'live');
    for (const count of [1, 2, 3]) {
      await addJob();
      await until(watched, (state) => ready(state) === count);
    }
  });
});

describe('what the leading monitor hears', () => {
  let listener: Listener | undefined;
  afterEach(() => listener?.end());

  /** Resolves when the listening connection has run a statement; there is no event to wait for. */
  async function hasSaid(statement: string): Promise<void> {
    for (;;) {
      const { rowCount } = await db.query(
        `select 1 from pg_stat_activity where datname = current_database() and state = 'idle' and query = $1`,
        [statement],
      );
      if (rowCount === 1) return;
    }
  }

  it('of new jobs only the first while they keep coming', async () => {
    const heard: Need[] = [];
    let onHeard: () => void = () => {};
    listener = new Listener({
      db,
      onChange: (need) => {
        heard.push(need);
        onHeard();
      },
      onSnapshot() {},
      onLost() {},
    });
    /** What is heard until something that has this need. */
    const hearUntil = (need: Need) =>
      new Promise<Need[]>((resolve) => {
        onHeard = () => {
          if (!heard.includes(need)) return;
          onHeard = () => {};
          resolve(heard.splice(0));
        };
        onHeard();
      });
    listener.lead(true);
    listener.open();
    expect(await hearUntil('jobs')).toEqual(['jobs']);
    await addJob();
    expect(await hearUntil('jobs')).toEqual(['jobs']);
    expect(listener.busy).toBe(true);
    await hasSaid('unlisten "jobs:insert"');
    await addJob();
    await addJob();
    await change('another');
    expect(await hearUntil('change')).toEqual(['change']);
    listener.setBusy(false);
    await hasSaid('listen "jobs:insert"');
    await addJob();
    expect(await hearUntil('jobs')).toEqual(['jobs']);
  });

  it('nothing when another leads', async () => {
    const heard: Need[] = [];
    const snapshots: (string | undefined)[] = [];
    let onSnapshot: () => void = () => {};
    listener = new Listener({
      db,
      onChange: (need) => void heard.push(need),
      onSnapshot: (by) => {
        snapshots.push(by);
        onSnapshot();
      },
      onLost() {},
    });
    listener.open();
    const told = new Promise<void>((resolve) => {
      onSnapshot = resolve;
    });
    await change('one');
    // It may not listen yet.
    while (snapshots.length === 0) {
      await db.query(`select pg_notify('donations_snapshot', 'another')`);
      await Promise.race([told, new Promise((resolve) => setTimeout(resolve, 50))]);
    }
    expect(snapshots[0]).toBe('another');
    expect(heard).toEqual([]);
  });
});
