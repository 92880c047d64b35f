import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chargeDonation } from '../../src/lib/donations/charge.ts';
import { loadDonation } from '../../src/lib/donations/donation.ts';
import { recordCardGift } from '../../src/lib/donations/record.ts';
import { ProviderError } from '../../src/lib/providers/errors.ts';
import { runCli } from '../support/cli.ts';
import { donateNow } from '../support/donate.ts';
import { gift, hurry, type System, startSystem } from '../support/system.ts';

let system: System;
beforeEach(async () => {
  system = await startSystem();
});
afterEach(() => system.close());

const CREATE = 'POST /v1/payment_intents$';
const CONFIRM = 'POST /v1/payment_intents/[^/]+/confirm';
const CANCEL = 'POST /v1/payment_intents/[^/]+/cancel';

const succeeded = async (donationId?: string) =>
  (await system.sandbox.paymentIntents(donationId ? { donationId } : {})).filter(
    ({ status }) => status === 'succeeded',
  );

/** Repeats the charge until Stripe answers, as the job does. */
async function chargeInTheEnd(id: string) {
  for (;;) {
    try {
      const charged = await chargeDonation(system.deps, id);
      if (charged.status !== 'processing') return charged;
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
    }
  }
}

describe('a request that takes effect late', () => {
  it.each([
    ['creation, never answered', { late: true, path: CREATE }],
    ['creation, connection cut', { lateAfterReset: true, path: CREATE }],
    ['confirmation, never answered', { late: true, path: CONFIRM }],
    ['confirmation, connection cut', { lateAfterReset: true, path: CONFIRM }],
  ] as const)('%s: the card is charged once', async (_, fault) => {
    const { deps, sandbox, db } = system;
    await sandbox.setFaults('stripe', { ...fault, count: 1 });
    const { id } = await recordCardGift(db, gift(), 'caller');
    await expect(chargeDonation(deps, id)).rejects.toBeInstanceOf(ProviderError);
    expect((await loadDonation(db, id)).status).toBe('processing');
    expect((await chargeInTheEnd(id)).status).toBe('succeeded');
    expect(await sandbox.releaseHeld()).toEqual({ released: 1 });
    expect(await succeeded(id)).toHaveLength(1);
    expect((await succeeded(id))[0]?.id).toBe((await loadDonation(db, id)).charge?.paymentIntentId);
  });

  it('confirmation that takes effect before the next try is found, not made again', async () => {
    const { deps, sandbox, db } = system;
    await sandbox.setFaults('stripe', { lateAfterReset: true, path: CONFIRM, count: 1 });
    const { id } = await recordCardGift(db, gift(), 'caller');
    await expect(chargeDonation(deps, id)).rejects.toBeInstanceOf(ProviderError);
    await sandbox.releaseHeld();
    expect((await chargeDonation(deps, id)).status).toBe('succeeded');
    expect(await succeeded(id)).toHaveLength(1);
  });

  it('cancellation of a declined payment: the donation fails only once it is cancelled', async () => {
    const { deps, sandbox, db } = system;
    await sandbox.setFaults('stripe', { lateAfterReset: true, path: CANCEL, count: 1 });
    const declined = gift({ paymentMethod: 'pm_card_chargeDeclined' });
    const { id } = await recordCardGift(db, declined, 'caller');
    await expect(chargeDonation(deps, id)).rejects.toBeInstanceOf(ProviderError);
    expect((await loadDonation(db, id)).status).toBe('processing');
    expect((await chargeInTheEnd(id)).status).toBe('failed');
    const { charge } = await loadDonation(db, id);
    expect(charge?.failure?.code).toBe('generic_decline');
    const [payment] = await sandbox.paymentIntents({ donationId: id });
    expect(payment?.status).toBe('canceled');
  });
});

it('charges once, however many charge the same donation at once', async () => {
  const { deps, db } = system;
  const { id } = await recordCardGift(db, gift(), 'caller');
  const outcomes = await Promise.allSettled(
    Array.from({ length: 8 }, () => chargeDonation(deps, id)),
  );
  for (const outcome of outcomes)
    if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(ProviderError);
  expect((await chargeInTheEnd(id)).status).toBe('succeeded');
  expect(await succeeded(id)).toHaveLength(1);
  const { rows } = await db.query('select 1 from donations.receipt_donations');
  expect(rows).toHaveLength(1);
});

describe('a look-up', () => {
  it('that Stripe refuses for good never fails the donation', async () => {
    const { deps, sandbox, db } = system;
    await sandbox.setFaults('stripe', { lateAfterReset: true, path: CONFIRM, count: 1 });
    const { id } = await recordCardGift(db, gift(), 'caller');
    await expect(chargeDonation(deps, id)).rejects.toBeInstanceOf(ProviderError);
    const lost = {
      ...deps.payments,
      retrievePayment: () =>
        Promise.reject(
          new ProviderError({
            provider: 'stripe',
            errorClass: 'permanent',
            code: 'resource_missing',
            message: 'No such payment_intent',
          }),
        ),
    };
    await expect(chargeDonation({ ...deps, payments: lost }, id)).rejects.toMatchObject({
      errorClass: 'permanent',
    });
    expect((await loadDonation(db, id)).status).toBe('processing');
    expect((await chargeInTheEnd(id)).status).toBe('succeeded');
  });

  it('that finds the payment refunded records it, and issues no receipt', async () => {
    const { deps, sandbox, db } = system;
    await sandbox.setFaults('stripe', {
      resetAfterProcessing: true,
      path: '/confirm|GET',
      count: 2,
    });
    const { id } = await recordCardGift(db, gift(), 'caller');
    await expect(chargeDonation(deps, id)).rejects.toBeInstanceOf(ProviderError);
    await sandbox.clearFaults();
    const [payment] = await succeeded(id);
    await sandbox.refund(payment?.id as string, 2000n);
    expect((await chargeDonation(deps, id)).status).toBe('partly_refunded');
    expect(await loadDonation(db, id)).toMatchObject({
      status: 'partly_refunded',
      refundedMinor: 2000n,
    });
    expect((await db.query('select 1 from donations.receipts')).rowCount).toBe(0);
  });
});

it.each([-2 * 86_400_000, -11 * 60_000, 11 * 60_000, 2 * 86_400_000])(
  'a command whose clock is %i ms off charges once, lost answers and forgotten keys included',
  async (shift) => {
    const { sandbox, db } = system;
    await sandbox.setFaults('stripe', [
      { path: `${CREATE}|${CONFIRM}`, resetAfterProcessing: 0.4, seed: 7 },
    ]);
    const env = {
      ...system.env,
      CLOCK_SHIFT_MS: String(shift),
      NODE_OPTIONS: `--import ${new URL('../support/shifted-clock.mjs', import.meta.url).href}`,
    };
    for (let i = 0; i < 4; i++) {
      const { code } = await runCli(
        [
          'donate',
          ...['--amount', `${50 + i}`, '--currency', 'usd', '--email', 'ada@example.org'],
          ...['--name', 'Ada Lovelace', '--payment-method', 'pm_card_visa'],
        ],
        { env },
      );
      expect([0, 75]).toContain(code);
    }
    await sandbox.expireKeys();
    await sandbox.clearFaults();
    const worker = system.startWorker({ env });
    await worker.until(async () => {
      await hurry(db);
      const { rows } = await db.query<{ open: number }>(
        'select count(*)::int as open from donations.donations where settled_at is null',
      );
      return rows[0]?.open === 0;
    });
    await worker.stop();
    expect(await succeeded()).toHaveLength(4);
  },
  180_000,
);

it('an event about a successful payment for a failed donation is an alarm', async () => {
  const { deps, db } = system;
  const declined = await donateNow(deps, gift({ paymentMethod: 'pm_card_chargeDeclined' }));
  await db.query(
    `insert into donations.webhook_events (key, provider, type, subject)
     values ('evt_1', 'stripe', 'payment_intent.succeeded', $1)`,
    [declined.id],
  );
  const { stdout } = await runCli(['doctor', '--json'], { env: system.env });
  expect(JSON.parse(stdout)).toContainEqual(
    expect.objectContaining({
      check: 'charges',
      status: 'failed',
      message: expect.stringContaining(declined.id),
    }),
  );
});
