import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/lib/config.ts';
import { type Db, openDb, type Queryable } from '../../src/lib/db/database.ts';
import { ensureMode } from '../../src/lib/db/prepare.ts';
import { recordRefund } from '../../src/lib/donations/refund.ts';
import { newId } from '../../src/lib/ids.ts';
import {
  ensureOrganization,
  updateOrganization,
} from '../../src/lib/organizations/organization.ts';
import { applyVerdicts } from '../../src/lib/queue/run/verdicts.ts';
import { createClaimer } from '../../src/lib/receipts/deliver.ts';
import { applyEvidence, settleProved } from '../../src/lib/receipts/evidence.ts';
import { loadGiftFacts } from '../../src/lib/receipts/facts.ts';
import { loadReceipt } from '../../src/lib/receipts/find-receipt.ts';
import { type IssuedReceipt, issueReceipts } from '../../src/lib/receipts/issue.ts';
import { resendReceipt } from '../../src/lib/receipts/resend.ts';
import { resolveDelivery } from '../../src/lib/receipts/resolve.ts';
import { failWaiting } from '../../src/lib/receipts/settle.ts';
import { reissueReceipt, voidReceipt } from '../../src/lib/receipts/void.ts';
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
async function issueIn(tx: Queryable, donationId: string) {
  const gift = await loadGiftFacts(tx, donationId, { lock: true });
  const [receipt] = await issueReceipts(tx, [{ gift, mailed: true }]);
  const { deliveryId, jobId, ...rest } = receipt as IssuedReceipt;
  return { ...rest, deliveryId: deliveryId as string, jobId: jobId as bigint };
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
      for (const id of donations) orders.push({ gift: await loadGiftFacts(tx, id), mailed: false });
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
    expect(delivery).toMatchObject({ kind: 'original', status: 'pending', reason: undefined });
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
    const settled = await Promise.all([tell(deliveryId), tell(deliveryId)]);
    expect(settled.flatMap((each) => each.settled)).toEqual([deliveryId]);
    expect((await receipt()).deliveries).toMatchObject([
      { status: 'accepted', messageId: 'm1', evidence: expect.stringContaining('delivered') },
    ]);
    expect(await jobs()).toEqual([]);
    expect(await verdicts()).toBe(0);
  });

  it('is not sent as a copy: it asks for a decision', async () => {
    const { receipt } = await issued('held');
    await expect(resendReceipt(db, await receipt(), WHO)).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('may have gone out'),
      hint: expect.stringContaining('receipts resolve'),
    });
    expect((await receipt()).deliveries).toHaveLength(1);
    expect(await jobs()).toHaveLength(1);
  });

  it('is not sent when a copy went out since, unless by force', async () => {
    const { receiptId, receipt } = await issued('held');
    await db.query(
      `insert into donations.receipt_deliveries (id, receipt_id, kind, recipient, status, claim, accepted_at)
       values ($1, $2, 'copy', 'new@example.org', 'accepted', $3, now())`,
      [newId('delivery'), receiptId, randomUUID()],
    );
    const resend = async (force: boolean) =>
      resolveDelivery(db, await receipt(), { ...WHO, outcome: 'resend', force });
    await expect(resend(false)).rejects.toMatchObject({
      code: 'confirmation_needed',
      message: expect.stringContaining('new@example.org'),
      hint: expect.stringContaining('--force'),
    });
    expect((await receipt()).deliveries[0]).toMatchObject({ status: 'held' });
    await resend(true);
    expect((await receipt()).deliveries[0]).toMatchObject({ status: 'pending' });
    expect(await audit()).toMatchObject([{ detail: { outcome: 'resend', force: true } }]);
  });
});

const BECAUSE = { ...WHO, reason: 'entered twice' };

describe('voidReceipt', () => {
  it('marks it, keeps it, stops what waits, and leaves the donation free for another', async () => {
    const { donationId, receipt } = await issued('pending');
    const before = await receipt();
    await voidReceipt(db, before, BECAUSE);
    expect(await receipt()).toMatchObject({
      status: 'void',
      voidReason: 'entered twice',
      content: before.content,
      deliveries: [{ status: 'failed', reason: 'the receipt is void' }],
    });
    expect(await jobs()).toEqual([]);
    expect(await audit()).toMatchObject([{ action: 'receipts.void', reason: 'entered twice' }]);
    await expect(voidReceipt(db, before, BECAUSE)).rejects.toMatchObject({ code: 'failed' });
    await expect(resendReceipt(db, before, WHO)).rejects.toMatchObject({ code: 'failed' });
    expect((await issue(donationId)).number).toMatch(/-000002$/);
  });

  it('is refused while it is being sent', async () => {
    const { receipt } = await issued('sending');
    await expect(voidReceipt(db, await receipt(), BECAUSE)).rejects.toMatchObject({
      code: 'try_again',
    });
    expect(await receipt()).toMatchObject({ status: 'issued' });
  });

  it('and a claim at the same moment: it is sent or void, never both', async () => {
    const { deliveryId, receiptId, receipt } = await issued('pending');
    const claim = createClaimer(db);
    const other = await createOtherConnection();
    try {
      let claimed: ReturnType<typeof claim> | undefined;
      await other.transaction(async (tx) => {
        await tx.query(
          `update donations.receipts set status = 'void', void_reason = 'x' where id = $1`,
          [receiptId],
        );
        await failWaiting(tx, receiptId);
        // It reads the receipt as it is before this ends, and waits for the delivery.
        claimed = claim({ deliveryId, claim: randomUUID() });
        for (;;) {
          const { rows } = await db.query<{ n: number }>(
            `select count(*)::int as n from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock'`,
          );
          if (rows[0]?.n === 1) break;
        }
      });
      expect(await claimed).toMatchObject({ result: 'void' });
      expect((await receipt()).deliveries).toMatchObject([{ status: 'failed' }]);
    } finally {
      await other.close();
    }
  });
});

const createOtherConnection = async () =>
  openDb({ url: database.url, applicationName: 'another', poolSize: 1 });

describe('reissueReceipt', () => {
  it('replaces the old one, from the facts as they are now, and says so on both', async () => {
    const { receipt } = await issued('accepted');
    const old = await receipt();
    await db.query(`update donations.donors set name = 'Ada King'`);
    const made = await reissueReceipt(db, old, { ...BECAUSE, mailed: true });
    expect(made.number).toMatch(/-000002$/);
    expect(await receipt()).toMatchObject({
      status: 'void',
      voidReason: 'entered twice',
      replacedBy: made.number,
      content: old.content,
    });
    expect(await loadReceipt(db, made.receiptId)).toMatchObject({
      status: 'issued',
      replaces: old.number,
      content: { number: made.number, replaces: old.number, donor: { name: 'Ada King' } },
      deliveries: [{ kind: 'original', status: 'pending', jobId: String(made.jobId) }],
    });
    await expect(reissueReceipt(db, old, { ...BECAUSE, mailed: true })).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining(made.number),
    });
  });

  it('acknowledges what was not given back, and nothing of what was', async () => {
    const { donationId, receipt } = await issued('accepted');
    await db.transaction((tx) => recordRefund(tx, donationId, 2000n, 'a test'));
    const made = await reissueReceipt(db, await receipt(), { ...BECAUSE, mailed: false });
    const { content, deliveries } = await loadReceipt(db, made.receiptId);
    expect(content).toMatchObject({ amountMinor: '3000', deductibleMinor: '3000' });
    expect(deliveries).toEqual([]);
    await db.transaction((tx) => recordRefund(tx, donationId, 5000n, 'a test'));
    const last = await loadReceipt(db, made.receiptId);
    await expect(reissueReceipt(db, last, { ...BECAUSE, mailed: false })).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('refunded'),
    });
    expect(await loadReceipt(db, made.receiptId)).toMatchObject({ status: 'issued' });
  });
});

describe('a donation that is given back', () => {
  it('stops a receipt that nobody was sent', async () => {
    const { donationId, receipt } = await issued('pending');
    await db.transaction((tx) => recordRefund(tx, donationId, 5000n, 'a test'));
    expect(await receipt()).toMatchObject({
      status: 'void',
      voidReason: 'the gift was returned before the receipt was sent',
      deliveries: [{ status: 'failed' }],
    });
    expect(await jobs()).toEqual([]);
  });

  it('tells the worker that finds the receipt void why it is', async () => {
    const { donationId, receipt } = await issued('pending');
    const [delivery] = (await receipt()).deliveries;
    await db.transaction((tx) => recordRefund(tx, donationId, 5000n, 'a test'));
    const claim = createClaimer(db);
    expect(await claim({ deliveryId: delivery?.id as string, claim: randomUUID() })).toEqual({
      result: 'void',
      why: 'the gift was returned before the receipt was sent',
      waits: false,
    });
  });

  it.each(['accepted', 'held', 'sending'] as const)('leaves one that is %s', async (status) => {
    const { donationId, receipt } = await issued(status);
    await db.transaction((tx) => recordRefund(tx, donationId, 5000n, 'a test'));
    expect(await receipt()).toMatchObject({ status: 'issued', deliveries: [{ status }] });
  });
});

/** The provider tells that a delivery's mail arrived. */
const tell = (deliveryId: string) =>
  db.transaction((tx) =>
    applyEvidence(tx, [
      {
        event: 'delivered',
        at: new Date(),
        messageId: 'm1',
        deliveryId,
        receiptId: undefined,
        donationId: undefined,
      },
    ]),
  );

it('evidence changes nothing of a receipt that is accepted', async () => {
  const { deliveryId, receipt } = await issued('accepted');
  const before = [await receipt(), await jobs()];
  expect(await tell(deliveryId)).toEqual({ settled: [], unknown: 0 });
  expect([await receipt(), await jobs()]).toEqual(before);
});

it('evidence settles a receipt whose attempt ended without a word, and leaves one that is sent', async () => {
  const { deliveryId, jobId, receipt } = await issued('sending');
  const lock = (at: string) =>
    db.query(`update graphile_worker._private_jobs set locked_at = ${at} where id = $1`, [jobId]);
  await lock('now()');
  expect(await tell(deliveryId)).toEqual({ settled: [], unknown: 0 });
  expect((await receipt()).deliveries).toMatchObject([{ status: 'sending' }]);
  await lock('null');
  expect(await settleProved(db)).toEqual([deliveryId]);
  expect((await receipt()).deliveries).toMatchObject([{ status: 'accepted', messageId: 'm1' }]);
  expect(await jobs()).toEqual([]);
});

it('evidence about a receipt that waits ends its job: it went out', async () => {
  const { deliveryId, receipt } = await issued('pending');
  expect(await tell(deliveryId)).toEqual({ settled: [deliveryId], unknown: 0 });
  expect((await receipt()).deliveries).toMatchObject([{ status: 'accepted', messageId: 'm1' }]);
  expect(await jobs()).toEqual([]);
});
