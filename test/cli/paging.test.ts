import { afterAll, beforeAll, expect, it } from 'vitest';
import { recordAudit } from '../../src/lib/audit/record.ts';
import { newId } from '../../src/lib/ids.ts';
import { registerWorker } from '../../src/lib/queue/run/workers.ts';
import { runCli } from '../support/cli.ts';
import { addJob } from '../support/jobs.ts';
import { addReceipt } from '../support/receipts.ts';
import { addDonation, addDonor } from '../support/records.ts';
import { type System, startSystem } from '../support/system.ts';

const ROWS = 5;

let system: System;
beforeAll(async () => {
  system = await startSystem();
  const { db } = system;
  for (let i = 0; i < ROWS; i++) {
    // Two of each have the same time or name, so that the id decides.
    const donor = await addDonor(db, `Donor ${Math.floor(i / 2)}`);
    await addDonation(db, { donor });
    await addReceipt(db, 'accepted', { donor });
    await addJob(db, { state: 'failed', error: `it broke in ${'abcde'[i]}` });
    await registerWorker(db, {
      id: newId('worker'),
      host: 'here',
      pid: i,
      version: '0',
      concurrency: 1,
      tasks: [],
    });
    await recordAudit(db, { actor: 'grace', host: 'here', command: 'x', action: 'jobs.retry' });
    await db.query(
      `insert into donations.batches (id, kind, name, actor) values ($1, 'import', $2, 'grace')`,
      [newId('batch'), `gifts ${i}.csv`],
    );
    await db.query(
      `insert into donations.incidents (id, rule, kind, subject, level, worst, opened_at, updated_at, closed_at)
       select $1, 'errors', 'errors', $2, level, level, date_trunc('hour', now()), now(),
         case when $3::int % 2 = 1 then now() end
       from (select case when $3::int > 2 then 'warning' else 'critical' end as level) l`,
      [newId('incident'), `task ${i}`, i],
    );
    await db.query(
      `insert into donations.job_attempts (job_id, task, attempt, started_at, latency_ms, duration_ms, outcome)
       values ($1, 'send_receipt', 1, date_trunc('hour', now()), 0, 0, 'retry')`,
      [i],
    );
  }
});
afterAll(() => system.close());

it.each([
  'list',
  'donors list',
  'jobs list --failed',
  'receipts list',
  'receipts missing',
  'statements list --year 2026',
  'audit list',
  'alerts list --since 7d',
  'logs',
  'import list',
])('%s: the pages are the whole list, and each names the next', async (line) => {
  const run = (args: string[]) => runCli(args, { env: system.env });
  const args = line.split(' ');
  // How long an open incident has lasted differs from page to page.
  const json = line.startsWith('alerts') ? '--json=incident,status' : '--json';
  const whole = JSON.parse((await run([...args, json])).stdout) as unknown[];
  expect(whole.length).toBeGreaterThanOrEqual(ROWS);

  const read: unknown[] = [];
  let next: string[] | undefined = [...args, '--limit', '2', json];
  while (next) {
    const page = await run(next);
    expect(page.code).toBe(0);
    const rows = JSON.parse(page.stdout) as unknown[];
    expect(page.stderr).toContain(`${rows.length} of ${whole.length} `);
    // The log has the latest attempt last, so its next page comes before.
    read.splice(line === 'logs' ? 0 : read.length, 0, ...rows);
    next = /^Next: donations (.*)$/m.exec(page.stderr)?.[1]?.split(' ');
  }
  expect(read).toEqual(whole);

  const other = await run([...args, '--after', 'nothing']);
  expect(other).toMatchObject({ code: 2, stdout: '' });
  expect(other.stderr).toContain('--after does not continue this list');
});

it.each(['worker list', 'jobs errors'])('%s says that there are more', async (line) => {
  const run = (...args: string[]) => runCli([...line.split(' '), ...args], { env: system.env });
  expect((await run()).stderr).not.toContain('There are more');
  const { stdout, stderr } = await run('--limit', '1', '--json');
  expect(JSON.parse(stdout)).toHaveLength(1);
  expect(stderr).toContain('The first 1. There are more: --limit shows them.');
});
