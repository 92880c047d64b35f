import { afterEach, beforeEach, expect, it } from 'vitest';
import { evaluate } from '../../src/lib/alerts/evaluate.ts';
import { listIncidents } from '../../src/lib/alerts/incidents.ts';
import { resolveRules } from '../../src/lib/health/rule-settings.ts';
import { newId } from '../../src/lib/ids.ts';
import { listRecurring, recordRun } from '../../src/lib/recurring/runs.ts';
import type { RecurringName } from '../../src/lib/recurring/tasks.ts';
import { runCli } from '../support/cli.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;
beforeEach(async () => {
  system = await startSystem();
});
afterEach(() => system.close());

const task = async (name: RecurringName) => {
  const { tasks } = await system.db.transaction(listRecurring);
  return tasks.find((each) => each.name === name);
};

/** A worker that has run for so long, and the last success of each task so long ago. */
async function addHistory(aliveFor: string, succeeded: Partial<Record<RecurringName, string>>) {
  await system.db.query(
    `insert into donations.workers (id, host, pid, version, concurrency, tasks, started_at)
     values ($1, 'h', 1, '1', 1, '{}', now() - $2::interval)`,
    [newId('worker'), aliveFor],
  );
  for (const [name, ago] of Object.entries(succeeded))
    await system.db.query(
      `insert into donations.recurring_runs (name, started_at, ended_at, duration_ms, outcome, succeeded_at)
       select $1, at, at, 5, 'succeeded', at from (select now() - $2::interval as at) ago`,
      [name, ago],
    );
}

it('records how a run ended: well, in part, or not at all', async () => {
  expect(await task('upkeep')).toMatchObject({ state: 'never', lastRun: null, nextRun: null });
  await recordRun(system.db, 'upkeep', async () => undefined);
  const first = await task('upkeep');
  expect(first).toMatchObject({ state: 'succeeded', outcome: 'succeeded', error: null });
  await recordRun(system.db, 'upkeep', async () => 'could not drop old partitions: locked');
  expect(await task('upkeep')).toMatchObject({
    state: 'failed',
    error: 'could not drop old partitions: locked',
    lastSuccess: first?.lastSuccess,
  });
  const broken = recordRun(system.db, 'upkeep', () => Promise.reject(new Error('no answer')));
  await expect(broken).rejects.toThrow('no answer');
  expect(await task('upkeep')).toMatchObject({ state: 'failed', error: 'no answer' });
  await recordRun(system.db, 'upkeep', async () => {
    expect(await task('upkeep')).toMatchObject({ state: 'running', outcome: 'failed' });
    return undefined;
  });
});

it('calls a task late only while a worker is there to run it', async () => {
  await addHistory('2 hours', { samples: '5 minutes', health: '1 second', upkeep: '9 minutes' });
  expect((await task('samples'))?.state).toBe('late');
  expect((await task('upkeep'))?.state).toBe('succeeded');
  await system.db.query('update donations.workers set stopped_at = now()');
  expect(await task('samples')).toMatchObject({ state: 'succeeded', nextRun: null });
  // A worker that has just come has not had the time.
  await addHistory('10 seconds', {});
  expect((await task('samples'))?.state).toBe('succeeded');
});

it('opens one incident for each task that is late, and closes it when it succeeds', async () => {
  const options = { rules: resolveRules([]), routes: [], timeZone: 'UTC', dataDir: undefined };
  const late = async () => {
    await evaluate(system.db, options);
    const incidents = await listIncidents(system.db, { sinceMs: 60_000, limit: 10 });
    return incidents
      .filter(({ kind }) => kind === 'late')
      .map(({ subject, level, closedAt }) => ({ subject, level, over: closedAt !== null }));
  };
  await addHistory('3 hours', { samples: '1 minute', health: '1 second', upkeep: '45 minutes' });
  const open = { subject: 'upkeep', level: 'warning', over: false };
  expect(await late()).toEqual([open]);
  expect(await late()).toEqual([open]);
  await recordRun(system.db, 'upkeep', async () => undefined);
  expect(await late()).toEqual([{ ...open, over: true }]);
});

it('a worker records its own, and the command lists them', async () => {
  const worker = system.startWorker();
  const { db } = system;
  await worker.until(async () => {
    const { rows } = await db.query<{ count: number }>(
      `select count(*)::int from donations.recurring_runs where outcome = 'succeeded'`,
    );
    return rows[0]?.count === 3;
  });
  const { code, stdout } = await runCli(['cron', '--json'], { env: system.env });
  expect(code).toBe(0);
  const tasks = JSON.parse(stdout);
  expect(tasks.map(({ name }: { name: string }) => name)).toEqual(['samples', 'health', 'upkeep']);
  for (const each of tasks) {
    expect(each.outcome).toBe('succeeded');
    expect(Date.parse(each.next_run_at) - Date.parse(each.last_run_at)).toBe(each.every_ms);
  }
  await worker.stop();
  const { stderr } = await runCli(['cron', 'list'], { env: system.env });
  expect(stderr).toContain('donations worker start');
});
