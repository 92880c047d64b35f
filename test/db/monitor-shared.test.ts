import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Db } from '../../src/lib/db/database.ts';
import {
  type Need,
  priceMs,
  readShared,
  refreshShared,
  untilDue,
} from '../../src/lib/monitor/shared.ts';
import { takeSnapshot } from '../../src/lib/monitor/snapshot.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let db: Db;
beforeEach(async () => {
  database = await createTestDatabase();
  ({ db } = database);
});
afterEach(() => database.drop());

describe('the shared snapshot', () => {
  const fresh = () => takeSnapshot(db, { timeoutMs: 5000 });

  it('is taken once for all who ask at once, and read by the others', async () => {
    let taken = 0;
    const monitors = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        refreshShared(db, { by: `monitor ${i}`, need: 'jobs' }, () => {
          taken += 1;
          return fresh();
        }),
      ),
    );
    expect(taken).toBe(1);
    expect(monitors.filter((each) => each !== undefined)).toHaveLength(1);
    const shared = await readShared(db);
    expect(shared?.body.at).toBe(monitors.find((each) => each)?.body.at);
    expect(shared?.ageMs).toBeLessThan(10_000);
  });

  it('tells the others, and who it was', async () => {
    const session = await db.session('listener');
    const heard = new Promise((resolve) => session.on('notification', resolve));
    await session.query('listen donations_snapshot');
    await refreshShared(db, { by: 'this one', need: 'jobs' }, fresh);
    expect(await heard).toMatchObject({ payload: 'this one' });
    await session.end();
  });

  it('is taken by another when whoever had claimed it is gone', async () => {
    await expect(
      refreshShared(db, { by: 'a', need: 'jobs' }, () => Promise.reject(new Error('died'))),
    ).rejects.toThrow('died');
    expect(await refreshShared(db, { by: 'b', need: 'jobs' }, fresh)).toBeUndefined();
    await db.query(`update donations.monitor_snapshot set claimed_until = now() - interval '1 s'`);
    expect(await refreshShared(db, { by: 'b', need: 'jobs' }, fresh)).toBeDefined();
  });

  it.each([
    [{ ageMs: 100, owedMs: 0 }, 600, 100],
    [{ ageMs: 700, owedMs: 0 }, 0, -500],
    // What is owed is allowed to a degree, and more of it for what somebody waits for.
    [{ ageMs: 1000, owedMs: 2500 }, 500, -800],
    [{ ageMs: 1000, owedMs: 5500 }, 3500, 500],
    // It is never older than five seconds.
    [{ ageMs: 4000, owedMs: 60_000 }, 1000, 1000],
  ])('that is %j is due in %i ms for jobs, in %i for a change', (standing, jobs, change) => {
    expect(untilDue(standing, 'jobs')).toBe(jobs);
    expect(untilDue(standing, 'change')).toBe(change);
  });

  it('costs on an average less than one percent of a core, however many changes there are', () => {
    const cost = 20;
    let now = 0;
    let [takenAt, paidUntil, worked] = [-10_000, 0, 0];
    while (now < 600_000) {
      const due = untilDue({ ageMs: now - takenAt, owedMs: paidUntil - now }, 'change');
      if (due > 0) {
        now += due;
        continue;
      }
      worked += cost;
      takenAt = now;
      paidUntil = Math.max(now, paidUntil) + priceMs(cost);
    }
    expect(worked / now).toBeLessThan(0.01);
    expect(worked / now).toBeGreaterThan(0.008);
  });

  it('is paid for by whoever takes it, and a change need not wait for that', async () => {
    const dear = async () => ({ ...(await fresh()), costMs: 35 });
    const needing = (need: Need) => refreshShared(db, { by: 'a', need }, dear);
    const older = () =>
      db.query(`update donations.monitor_snapshot set taken_at = now() - interval '1 s'`);
    const first = await needing('jobs');
    expect(first?.owedMs).toBeGreaterThan(3500);
    await older();
    expect(await needing('jobs')).toBeUndefined();
    const second = await needing('change');
    expect(second?.owedMs).toBeGreaterThan(first?.owedMs ?? 0);
    expect((await readShared(db))?.owedMs).toBeLessThanOrEqual(second?.owedMs ?? 0);
    await older();
    expect(await needing('change')).toBeUndefined();
  });

  it('is not there at first', async () => {
    expect(await readShared(db)).toBeUndefined();
  });
});
