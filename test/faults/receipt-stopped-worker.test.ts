import { afterEach, beforeEach, expect, it } from 'vitest';
import { donateInBackground } from '../support/donate.ts';
import { gift, type System, startSystem } from '../support/system.ts';

let system: System;
beforeEach(async () => {
  system = await startSystem({ DONATIONS_SENDGRID_TIMEOUT_MS: '20000' });
});
afterEach(() => system.close());

interface Seen {
  status: string;
  jobs: number;
  verdicts: number;
}

async function seen(): Promise<Seen | undefined> {
  const { rows } = await system.db.query<Seen>(
    `select d.status,
       (select count(*)::int from graphile_worker.jobs j where j.task_identifier = 'send_receipt') as jobs,
       (select count(*)::int from donations.job_verdicts v where v.task = 'send_receipt') as verdicts
     from donations.receipt_deliveries d`,
  );
  return rows[0];
}

it('a worker that is stopped in the middle of a send, taken for dead, and wakes: one mail, and its answer counts', async () => {
  const { sandbox, deps } = system;
  await sandbox.setFaults('sendgrid', { latencyMs: [1000, 1000], path: 'POST' });
  await donateInBackground(deps, gift());
  const stopped = system.startWorker();
  // The request is on its way: it takes effect after its latency, whatever becomes of the worker.
  const received = async () => (await sandbox.stats()).requests.sendgrid.requests;
  await stopped.until(async () => (await received()) === 1);
  stopped.signal('SIGSTOP');
  // Another takes its job over, finds the claim, and holds.
  const other = system.startWorker();
  await other.until(async () => (await seen())?.status === 'held');
  expect(await sandbox.inbox()).toHaveLength(1);
  stopped.signal('SIGCONT');
  await stopped.until(async () => (await seen())?.status === 'accepted');
  await stopped.until(async () => {
    const now = await seen();
    return now?.jobs === 0 && now.verdicts === 0;
  });
  expect(await sandbox.inbox()).toHaveLength(1);
  await Promise.all([stopped.stop(), other.stop()]);
});
