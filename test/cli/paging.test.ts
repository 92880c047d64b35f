import { afterAll, beforeAll, expect, it } from 'vitest';
import { recordAudit } from '../../src/lib/audit/record.ts';
import { newId } from '../../src/lib/ids.ts';
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
    await addJob(db, { state: 'failed' });
    await recordAudit(db, { actor: 'grace', host: 'here', command: 'x', action: 'jobs.retry' });
    await db.query(
      `insert into donations.batches (id, kind, name, actor) values ($1, 'import', $2, 'grace')`,
      [newId('batch'), `gifts ${i}.csv`],
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
  'import list',
])('%s: the pages are the whole list, and each names the next', async (line) => {
  const run = (args: string[]) => runCli(args, { env: system.env });
  const args = line.split(' ');
  const whole = JSON.parse((await run([...args, '--json'])).stdout) as unknown[];
  expect(whole.length).toBeGreaterThanOrEqual(ROWS);

  const read: unknown[] = [];
  let next: string[] | undefined = [...args, '--limit', '2', '--json'];
  while (next) {
    const page = await run(next);
    expect(page.code).toBe(0);
    const rows = JSON.parse(page.stdout) as unknown[];
    expect(page.stderr).toContain(`${rows.length} of ${whole.length} `);
    read.push(...rows);
    next = /^Next: donations (.*)$/m.exec(page.stderr)?.[1]?.split(' ');
  }
  expect(read).toEqual(whole);

  const other = await run([...args, '--after', 'nothing']);
  expect(other).toMatchObject({ code: 2, stdout: '' });
  expect(other.stderr).toContain('--after does not continue this list');
});
