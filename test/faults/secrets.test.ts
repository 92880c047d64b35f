import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isComplete, tallySince } from '../../src/lib/donations/tally.ts';
import { donateInBackground } from '../support/donate.ts';
import { gift, hurry, hurryProbes, type System, startSystem } from '../support/system.ts';

let system: System;
beforeEach(async () => {
  system = await startSystem();
});
afterEach(() => system.close());

// Data that may only be in the donor's row, the receipt, and the mail.
const PRIVATE = [
  'SG.sandbox',
  'sk_test_sandbox',
  'secretive.donor@example.org',
  'Secretive Donor',
  'Dear ',
  'DONATION RECEIPT',
];

it('keeps keys, mails and donors out of the log, the ledger and the errors, whatever fails', async () => {
  const { db, sandbox, deps } = system;
  const faults = {
    path: 'POST',
    timeouts: 0.03,
    hangs: 0.03,
    resetAfterProcessing: 0.05,
    html: 0.05,
    truncated: 0.05,
    unavailable: 0.05,
  };
  await sandbox.setFaults('sendgrid', { ...faults, errors: 0.1 });
  await sandbox.setFaults('stripe', { ...faults, errorsAfterProcessing: 0.05, conflicts: 0.05 });
  for (let i = 0; i < 40; i++) {
    await donateInBackground(
      deps,
      gift({ name: `Secretive Donor ${i}`, email: 'secretive.donor@example.org' }),
    );
  }
  const worker = system.startWorker({ env: { DONATIONS_LOG_LEVEL: 'trace' } });
  await worker.until(async () => {
    await hurry(db);
    await hurryProbes(db);
    return isComplete(await tallySince(db, new Date(0)));
  });
  await worker.stop();
  const { rows } = await db.query<{ text: string }>(
    `select row_to_json(a)::text as text from donations.job_attempts a
     union all select row_to_json(v)::text from donations.job_verdicts v
     union all select row_to_json(w)::text from donations.workers w
     union all select row_to_json(p)::text from donations.task_pauses p
     union all select payload::text || coalesce(last_error, '') from graphile_worker._private_jobs
     union all select coalesce(reason, '') || coalesce(evidence, '') from donations.receipt_deliveries`,
  );
  expect(rows.length).toBeGreaterThan(100);
  for (const secret of PRIVATE) {
    expect(worker.output).not.toContain(secret);
    expect(rows.filter(({ text }) => text.includes(secret))).toEqual([]);
  }
}, 120_000);

it('judges SendGrid’s errors in a working directory whose path has regular-expression characters', async () => {
  const { db, sandbox, deps } = system;
  await sandbox.setFaults('sendgrid', { path: 'POST', unauthorized: true, count: 1 });
  await donateInBackground(deps, gift());
  const parent = mkdtempSync(join(tmpdir(), 'donations-cwd-'));
  const cwd = join(parent, 'a(b[c');
  mkdirSync(cwd);
  try {
    expect((await system.startWorker({ args: ['--once'], cwd }).ended).code).toBe(0);
    const { rows } = await db.query(
      `select outcome, http_status from donations.job_attempts where task = 'send_receipt'`,
    );
    expect(rows[0]).toEqual({ outcome: 'parked', http_status: 401 });
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
});
