import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { seedReceipts } from '../../bench/stage.ts';
import { launcherPath } from '../../src/lib/launcher.ts';
import { runCli } from '../support/cli.ts';
import { type System, startSystem } from '../support/system.ts';

const COUNT = 20_000;
const FIRST_CHUNK = 500;
const CHUNK = 4000;

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system.close());

/** Held deliveries, as after an outage of SendGrid: their jobs have ended. */
async function seedHeld(from: number): Promise<void> {
  const { db } = system;
  // Those of the test before.
  await db.query(
    `update donations.receipt_deliveries set status = 'failed', reason = 'a test' where status = 'pending'`,
  );
  await seedReceipts(db, from, COUNT);
  await db.query(
    `select count(*) from graphile_worker.complete_jobs(array(select id from graphile_worker._private_jobs))`,
  );
  await db.query(
    `update donations.receipt_deliveries set status = 'sending', claim = gen_random_uuid() where status = 'pending'`,
  );
  await db.query(
    `update donations.receipt_deliveries set status = 'held', reason = 'timed out' where status = 'sending'`,
  );
}

const number = async (sql: string) =>
  (await system.db.query<{ n: number }>(`select count(*)::int as n from ${sql}`)).rows[0]?.n ?? 0;
const sentAgain = () => number(`donations.receipt_deliveries where status = 'pending'`);
const audited = () =>
  number(
    `donations.audit_log, jsonb_array_elements_text(detail->'deliveries') where action = 'receipts.resolve'`,
  );

/** Resolves when `right` accepts the number of the commands' connections in this state. */
async function commands(state: string, right: (count: number) => boolean): Promise<void> {
  const sql = `pg_stat_activity where datname = current_database()
    and application_name like 'donations receipts%' and ${state}`;
  while (!right(await number(sql))) await setImmediate();
}

it.each([
  ['SIGKILL', 1],
  ['SIGINT', 1 + COUNT],
] as const)(
  '%s in the middle leaves whole chunks; the same command does the rest, each once',
  async (signal, from) => {
    const before = await audited();
    await seedHeld(from);
    const args = ['receipts', 'resolve', '--held', '--resend', '--yes'];
    const { rows } = await system.db.query<{ id: string }>(
      `select id from donations.receipt_deliveries where status = 'held'
     order by created_at, id offset ${CHUNK + 1000} limit 1`,
    );
    const { end } = await system.db.transaction(async (tx) => {
      // A later chunk waits for this transaction, which adds a job with the key of one of its jobs.
      await tx.query(`select graphile_worker.add_job('send_receipt', '{}', job_key => $1)`, [
        `send:${rows[0]?.id}`,
      ]);
      const child = spawn(process.execPath, [launcherPath(), ...args], {
        env: system.env,
        stdio: 'ignore',
      });
      const closed = once(child, 'close');
      await Promise.race([commands(`wait_event_type = 'Lock'`, (n) => n > 0), closed]);
      child.kill(signal);
      await tx.query('rollback');
      return { end: closed };
    });
    const [code] = await end;
    // Postgres notices a killed client only when it writes to it.
    await commands('true', (n) => n === 0);
    if (signal === 'SIGINT') expect(code).toBe(130);
    const done = await sentAgain();
    expect(done % CHUNK).toBe(FIRST_CHUNK);
    expect(done).toBeLessThan(COUNT);
    expect((await audited()) - before).toBe(done);

    const both = await Promise.all(
      [1, 2].map(() => runCli([...args, '--json'], { env: system.env })),
    );
    const changed = both.map(({ stdout }) => JSON.parse(stdout).changed as number);
    expect(done + changed.reduce((sum, each) => sum + each, 0)).toBe(COUNT);
    expect(await sentAgain()).toBe(COUNT);
    expect((await audited()) - before).toBe(COUNT);
    expect(
      await number(`donations.receipt_deliveries where status = 'pending' and resends <> 1`),
    ).toBe(0);
    expect(await number('graphile_worker.jobs')).toBe(await sentAgain());
  },
);
