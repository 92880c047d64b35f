import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/lib/config.ts';
import type { Db, Queryable } from '../../src/lib/db/database.ts';
import { ensureMode } from '../../src/lib/db/prepare.ts';
import { newId } from '../../src/lib/ids.ts';
import {
  ensureOrganization,
  updateOrganization,
} from '../../src/lib/organizations/organization.ts';
import { enqueue } from '../../src/lib/queue/enqueue.ts';
import { applyVerdicts } from '../../src/lib/queue/run/verdicts.ts';
import { loadGiftFacts } from '../../src/lib/receipts/facts.ts';
import { loadReceipt } from '../../src/lib/receipts/find.ts';
import { type IssuedReceipt, issueReceipts } from '../../src/lib/receipts/issue.ts';
import { resendReceipt } from '../../src/lib/receipts/resend.ts';
import { resolveDelivery, settleByEvidence } from '../../src/lib/receipts/resolve.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { addDonation } from '../support/records.ts';

const { config } = loadConfig({ env: { HOME: '/nowhere' }, cwd: '/' });
const WHO = { actor: 'grace', host: 'here', reason: 'asked for' };

let database: TestDatabase;
let db: Db;
beforeEach(async () => {
  database = await createTestDatabase();
  db = database.db;
  await ensureMode(db, 'sandbox');
  await ensureOrganization(db, config);
});
afterEach(() => database.drop());

/** Issues a receipt with its job, as a settlement does. */
async function issueIn(
  tx: Queryable,
  donationId: string,
): Promise<IssuedReceipt & { deliveryId: string; jobId: bigint }> {
  const gift = await loadGiftFacts(tx, donationId, { lock: true });
  const deliveryId = newId('delivery');
  const [jobId] = await enqueue(tx, [
    {
      task: 'send_receipt',
      payload: { donation_id: donationId, delivery_id: deliveryId },
      key: `send:${deliveryId}`,
    },
  ]);
  const delivery = { id: deliveryId, jobId: jobId as bigint };
  const [receipt] = await issueReceipts(tx, [{ gift, delivery }]);
  return { ...(receipt as IssuedReceipt), deliveryId, jobId: jobId as bigint };
}

const issue = (donationId: string) => db.transaction((tx) => issueIn(tx, donationId));

/** Makes a receipt with its job, and its original delivery in the given state. */
async function issued(status: 'pending' | 'sending' | 'accepted' | 'held') {
  const donationId = await addDonation(db);
  const { receiptId, deliveryId, jobId } = await issue(donationId);
  if (status !== 'pending') {
    await db.query(
      `update donations.receipt_deliveries set status = 'sending', claim = $2, claimed_at = now() where id = $1`,
      [deliveryId, randomUUID()],
    );
  }
  if (status === 'accepted' || status === 'held') {
    await db.query(
      `update donations.receipt_deliveries set status = $2, reason = case when $2 = 'held' then 'timed out' end,
         accepted_at = case when $2 = 'accepted' then now() end where id = $1`,
      [deliveryId, status],
    );
  }
  if (status === 'accepted') {
    await db.query('select graphile_worker.complete_jobs(array[$1::bigint])', [jobId]);
  }
  if (status === 'held') {
    await db.query(
      `insert into donations.job_verdicts (job_id, task, decision, error_class, message, fingerprint)
       values ($1, 'send_receipt', 'hold', 'unknown_outcome', 'timed out', 'f')`,
      [jobId],
    );
    expect(await applyVerdicts(db)).toEqual({ applied: 1, waiting: 0 });
  }
  return { donationId, receiptId, deliveryId, jobId, receipt: () => loadReceipt(db, receiptId) };
}

const jobs = async () =>
  (await db.query('select id, key, attempts from graphile_worker.jobs order by id')).rows;
const verdicts = async () => (await db.query('select 1 from donations.job_verdicts')).rowCount;
const audit = async () =>
  (await db.query('select actor, action, subject, reason, detail from donations.audit_log')).rows;

describe('issueReceipts', () => {
  it('numbers without gaps, though many are issued at once and some are rolled back', async () => {
    const donations: string[] = [];
    for (let i = 0; i < 50; i++) donations.push(await addDonation(db));
    const results = await Promise.allSettled(
      donations.map((donationId, i) =>
        db.transaction(async (tx) => {
          const receipt = await issueIn(tx, donationId);
          if (i % 3 === 0) throw new Error('rolled back');
          return receipt;
        }),
      ),
    );
    const kept = results.filter(({ status }) => status === 'fulfilled');
    expect(kept).toHaveLength(33);
    const { rows } = await db.query<{ number: bigint }>(
      'select number from donations.receipts order by number',
    );
    expect(rows.map(({ number }) => number)).toEqual(kept.map((_, i) => BigInt(i + 1)));
    const counters = await db.query('select last_number from donations.receipt_counters');
    expect(counters.rows).toEqual([{ last_number: 33n }]);
  });

  it('takes the numbers of many in one go, in their order', async () => {
    const donations: string[] = [];
    for (let i = 0; i < 20; i++) donations.push(await addDonation(db));
    const receipts = await db.transaction(async (tx) => {
      const orders = [];
      for (const id of donations)
        orders.push({ gift: await loadGiftFacts(tx, id), delivery: undefined });
      return issueReceipts(tx, orders);
    });
    const year = new Date().getUTCFullYear();
    expect(receipts.map(({ donationId, number }) => [donationId, number])).toEqual(
      donations.map((id, i) => [id, `${year}-${String(i + 1).padStart(6, '0')}`]),
    );
  });

  it('is refused for a donation that has a live receipt, and takes no number', async () => {
    const donationId = await addDonation(db);
    await issue(donationId);
    await expect(issue(donationId)).rejects.toMatchObject({
      constraint: 'receipt_donations_one_live',
    });
    const { rows } = await db.query('select last_number from donations.receipt_counters');
    expect(rows).toEqual([{ last_number: 1n }]);
  });

  it('issues by the organisation on record, whatever the settings are now', async () => {
    const { receiptId } = await issue(await addDonation(db));
    const renamed = { ...config, organization: { ...config.organization, legalName: 'New Name' } };
    await ensureOrganization(db, renamed);
    const second = await issue(await addDonation(db));
    expect((await loadReceipt(db, second.receiptId)).content.organization).toEqual(
      (await loadReceipt(db, receiptId)).content.organization,
    );
    const { changed } = await db.transaction((tx) => updateOrganization(tx, renamed));
    expect(changed).toEqual(['legalName']);
    const third = await issue(await addDonation(db));
    expect((await loadReceipt(db, third.receiptId)).content.organization.legalName).toBe(
      'New Name',
    );
  });

  it('keeps what it said, whatever becomes of the donor', async () => {
    const { receiptId, number } = await issue(await addDonation(db));
    const before = await loadReceipt(db, receiptId);
    expect(before.content).toMatchObject({
      number,
      mode: 'sandbox',
      donor: { name: 'Ada Lovelace' },
      amountMinor: '5000',
      currency: 'usd',
      fund: 'Clean Water',
      card: { brand: 'visa', last4: '4242' },
      organization: { legalName: config.organization.legalName },
    });
    await db.query(`update donations.donors set name = 'Somebody Else'`);
    await db.query(`update donations.donor_emails set email = 'else@example.org'`);
    await db.query(`update donations.allocations set fund = 'Another'`);
    expect(await loadReceipt(db, receiptId)).toEqual(before);
  });
});

describe('resendReceipt', () => {
  it('sends a copy: another delivery and job, the same number and content', async () => {
    const { receiptId, donationId, receipt } = await issued('accepted');
    const before = await receipt();
    const sent = await resendReceipt(db, before, { ...WHO, to: 'new@example.org' });
    const after = await receipt();
    expect(after).toMatchObject({ number: before.number, content: before.content });
    expect(after.deliveries).toMatchObject([
      { kind: 'original', status: 'accepted' },
      {
        id: sent.deliveryId,
        kind: 'copy',
        status: 'pending',
        recipient: 'new@example.org',
        jobId: String(sent.jobId),
      },
    ]);
    expect(await jobs()).toMatchObject([{ id: sent.jobId, key: `send:${sent.deliveryId}` }]);
    const { rows } = await db.query('select payload from graphile_worker._private_jobs');
    expect(rows).toEqual([{ payload: { donation_id: donationId, delivery_id: sent.deliveryId } }]);
    expect(await audit()).toMatchObject(
      [{ ...WHO, host: undefined, action: 'receipts.resend', subject: receiptId }].map(
        ({ host: _, ...row }) => row,
      ),
    );
  });

  it.each(['pending', 'sending'] as const)('is refused while it is %s', async (status) => {
    const { receipt } = await issued(status);
    await expect(resendReceipt(db, await receipt(), WHO)).rejects.toMatchObject({
      code: 'try_again',
    });
    expect((await receipt()).deliveries).toHaveLength(1);
    expect(await audit()).toEqual([]);
  });
});

describe('a held receipt', () => {
  it('that was sent is accepted, and its job is gone', async () => {
    const { receiptId, receipt } = await issued('held');
    const held = await receipt();
    await resolveDelivery(db, held, { ...WHO, outcome: 'sent' });
    expect((await receipt()).deliveries).toMatchObject([
      { status: 'accepted', evidence: 'grace says that it was sent' },
    ]);
    expect(await jobs()).toEqual([]);
    expect(await verdicts()).toBe(0);
    expect(await audit()).toMatchObject([
      { actor: 'grace', action: 'receipts.resolve', subject: receiptId, reason: 'asked for' },
    ]);
    // Resolved before and after it was looked up.
    await expect(resolveDelivery(db, held, { ...WHO, outcome: 'resend' })).rejects.toMatchObject({
      code: 'try_again',
    });
    await expect(
      resolveDelivery(db, await receipt(), { ...WHO, outcome: 'sent' }),
    ).rejects.toMatchObject({ code: 'failed' });
    expect(await audit()).toHaveLength(1);
  });

  it('that is to go again is pending, with a job of its own', async () => {
    const { deliveryId, jobId, receipt } = await issued('held');
    const held = await receipt();
    await resolveDelivery(db, held, { ...WHO, outcome: 'resend' });
    const [delivery] = (await receipt()).deliveries;
    expect(delivery).toMatchObject({ kind: 'original', status: 'pending', claimedAt: undefined });
    const [job, ...rest] = await jobs();
    expect(rest).toEqual([]);
    expect(job).toMatchObject({ key: `send:${deliveryId}`, attempts: 0 });
    expect(job?.id).not.toBe(jobId);
    expect(delivery?.jobId).toBe(String(job?.id));
    expect(await verdicts()).toBe(0);
    await expect(resolveDelivery(db, held, { ...WHO, outcome: 'resend' })).rejects.toMatchObject({
      code: 'try_again',
    });
    expect(await jobs()).toHaveLength(1);
  });

  it('is settled once by evidence', async () => {
    const { deliveryId, receipt } = await issued('held');
    const settle = () =>
      db.transaction((tx) =>
        settleByEvidence(tx, { deliveryId, messageId: 'm1', evidence: 'delivered' }),
      );
    expect((await Promise.all([settle(), settle()])).sort()).toEqual([false, true]);
    expect((await receipt()).deliveries).toMatchObject([
      { status: 'accepted', messageId: 'm1', evidence: 'delivered' },
    ]);
    expect(await jobs()).toEqual([]);
    expect(await verdicts()).toBe(0);
  });
});

it.each(['pending', 'sending', 'accepted'] as const)(
  'evidence changes nothing of a receipt that is %s',
  async (status) => {
    const { deliveryId, receipt } = await issued(status);
    const before = [await receipt(), await jobs()];
    expect(
      await db.transaction((tx) =>
        settleByEvidence(tx, { deliveryId, messageId: 'm1', evidence: 'delivered' }),
      ),
    ).toBe(false);
    expect([await receipt(), await jobs()]).toEqual(before);
  },
);
