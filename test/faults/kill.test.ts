import { afterAll, beforeAll, expect, it } from 'vitest';
import { addsUp, isComplete, tallySince } from '../../src/lib/donations/tally.ts';
import { ProviderError } from '../../src/lib/providers/errors.ts';
import { seededRandom } from '../../src/lib/sandbox/faults.ts';
import { donateInBackground, donateNow } from '../support/donate.ts';
import { gift, hurry, hurryProbes, type System, startSystem } from '../support/system.ts';

// More of both, by hand: KILLS=200 KILL_DONATIONS=2000 npx vitest run test/faults/kill.test.ts
const DONATIONS = Number(process.env.KILL_DONATIONS ?? 220);
const KILLS = Number(process.env.KILLS ?? 12);

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system.close());

it(
  `charges once and mails at most once, with ${KILLS} workers killed over ${DONATIONS} donations and both providers failing`,
  async () => {
    const { db, sandbox, deps } = system;
    const seed = Date.now() % 100_000;
    const random = seededRandom(seed);
    const since = new Date(0);
    await sandbox.setFaults('stripe', [
      {
        path: 'POST',
        resetAfterProcessing: 0.05,
        resetBeforeProcessing: 0.03,
        timeouts: 0.02,
        errorsAfterProcessing: 0.03,
        unavailable: 0.02,
        seed,
      },
      { rateLimit: 150 },
    ]);
    await sandbox.setFaults('sendgrid', [
      {
        path: 'POST',
        resetAfterProcessing: 0.05,
        resetBeforeProcessing: 0.02,
        timeouts: 0.03,
        errors: 0.02,
        unavailable: 0.03,
        seed: seed + 1,
      },
      { rateLimit: 80 },
    ]);
    const donate = async (i: number) => {
      const donor = i % 23;
      const donation = gift({
        name: `Donor ${donor}`,
        email: `donor${donor}@example.org`,
        paymentMethod: i % 12 === 5 ? 'pm_card_chargeDeclined' : 'pm_card_visa',
      });
      if (i % 4 > 0) return donateInBackground(deps, donation);
      await donateNow(deps, donation).catch((error) => {
        if (!(error instanceof ProviderError)) throw error;
      });
    };

    let donated = 0;
    for (let kill = 1; kill <= KILLS; kill++) {
      // Every worker finds new donations beside what the killed ones left.
      while (donated < (DONATIONS * kill) / KILLS) await donate(donated++);
      const worker = system.startWorker();
      // Kills it at a random moment: after this many lines of its log, or when no work is left.
      const lines = 3 + Math.floor(random() * 30);
      await worker.until(async (log) => {
        if (log.length >= lines) return true;
        await hurry(db);
        await hurryProbes(db);
        return isComplete(await tallySince(db, since));
      });
      await worker.kill();
      await hurry(db);
      await hurryProbes(db);
    }
    await sandbox.clearFaults();
    const last = system.startWorker();
    await last.until(async () => {
      await hurry(db);
      await hurryProbes(db);
      return isComplete(await tallySince(db, since));
    });
    expect(await last.stop()).toBe(0);

    const account = await tallySince(db, since);
    expect(account.donations).toBe(DONATIONS);
    expect(addsUp(account)).toBe(true);
    expect(account.receiptsFailed).toBe(0);

    const charges = new Map<string, number>();
    for (const { status, metadata } of await sandbox.paymentIntents()) {
      const id = (metadata as { donation_id: string }).donation_id;
      if (status === 'succeeded') charges.set(id, (charges.get(id) ?? 0) + 1);
    }
    const mails = new Map<string, number>();
    const inbox = await sandbox.inbox({ limit: 10_000 });
    for (const { delivery_id } of inbox) {
      mails.set(delivery_id as string, (mails.get(delivery_id as string) ?? 0) + 1);
    }
    const { rows } = await db.query<{
      id: string;
      status: string;
      delivery: string | null;
      sent: string | null;
    }>(
      `select d.id, d.status, l.id as delivery, l.status as sent from donations.donations d
     left join donations.receipt_donations c on c.donation_id = d.id
     left join donations.receipt_deliveries l on l.receipt_id = c.receipt_id`,
    );
    expect(rows).toHaveLength(DONATIONS);
    let wentOut = 0;
    for (const { id, status, delivery, sent } of rows) {
      const story = {
        id,
        status,
        sent,
        charges: charges.get(id) ?? 0,
        mails: mails.get(delivery ?? '') ?? 0,
      };
      if (status === 'failed') expect(story).toMatchObject({ charges: 0, mails: 0, sent: null });
      else if (sent === 'accepted')
        expect(story).toMatchObject({ status: 'succeeded', charges: 1, mails: 1 });
      else {
        expect(story).toMatchObject({ status: 'succeeded', charges: 1, sent: 'held' });
        expect(story.mails).toBeLessThanOrEqual(1);
      }
      wentOut += sent === 'accepted' ? 1 : story.mails;
    }
    // The mails are those of the accepted receipts and of the held ones that went out, and no others.
    expect(inbox).toHaveLength(wentOut);
  },
  300_000 + KILLS * 10_000,
);
