import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadDonation } from '../../src/lib/donations/donation.ts';
import { runCli } from '../support/cli.ts';
import { donateInBackground, donateNow } from '../support/donate.ts';
import { gift, type System, startSystem } from '../support/system.ts';
import { deliveryOf, type Listener, startListener } from './harness.ts';

let system: System;
let listener: Listener;
beforeEach(async () => {
  system = await startSystem();
  listener = await startListener(system.env);
});
afterEach(async () => {
  await listener.stop();
  await system.close();
});

it('settles a mail whose answer was lost by the event that tells of it: one mail, nothing left to do', async () => {
  const { db, sandbox, deps } = system;
  await sandbox.setFaults('sendgrid', { path: 'POST', timeouts: true, count: 1 });
  const donation = await donateInBackground(
    deps,
    gift({ name: 'Secretive Donor', email: 'secretive@example.org' }),
  );
  const worker = system.startWorker();
  const delivery = async () => {
    const { rows } = await db.query<{ id: string }>(
      'select id from donations.receipt_deliveries where receipt_id in (select receipt_id from donations.receipt_donations where donation_id = $1)',
      [donation],
    );
    return rows[0] && deliveryOf(db, rows[0].id);
  };
  await worker.until(async () => (await delivery())?.status === 'accepted');
  await worker.until(async () => (await delivery())?.jobs === 0);
  expect(await worker.stop()).toBe(0);
  const [mail, ...more] = await sandbox.inbox();
  expect(more).toEqual([]);
  expect(await delivery()).toEqual({
    status: 'accepted',
    evidence: expect.stringMatching(/^SendGrid event (processed|delivered) at \d{4}-/),
    message_id: mail?.id,
    jobs: 0,
    verdicts: 0,
  });
  // It was held in between, because the answer did not arrive.
  const { rows } = await db.query(
    `select outcome from donations.job_attempts where task = 'send_receipt' order by started_at limit 1`,
  );
  expect(rows).toEqual([{ outcome: 'held' }]);
  for (const secret of ['Secretive', 'secretive', 'whsec_', 'SG.', 'sk_test'])
    expect(listener.output()).not.toContain(secret);
});

it('settles a donation whose charge was made and whose process died, long before its repair is due', async () => {
  const { db, sandbox, deps } = system;
  let id = '';
  const dying = {
    ...deps,
    payments: {
      ...deps.payments,
      async confirmPayment(id: string) {
        await deps.payments.confirmPayment(id);
        throw new Error('the process dies');
      },
    },
  };
  await expect(
    donateNow(dying, gift(), (recorded) => {
      id = recorded;
    }),
  ).rejects.toThrow('dies');
  expect((await loadDonation(db, id)).status).toBe('processing');
  const began = Date.now();
  const worker = system.startWorker();
  await worker.until(async () => (await loadDonation(db, id)).status === 'succeeded');
  expect(Date.now() - began).toBeLessThan(30_000);
  await worker.stop();
  expect(await sandbox.paymentIntents({ donationId: id })).toHaveLength(1);
  expect(listener.output()).toContain(id);
});

it('registers with the sandbox, stops on SIGTERM, and leaves the sandbox without addresses', async () => {
  const { stripeUrl, sendgridUrl } = listener;
  expect(await system.sandbox.webhooks()).toMatchObject({ stripeUrl, sendgridUrl });
  const port = new URL(stripeUrl).port;
  const second = await runCli(['webhooks', 'listen', '--port', port], { env: system.env });
  expect(second.code).toBe(1);
  expect(second.stderr).toContain('the port is in use');
  expect(await system.sandbox.webhooks()).toMatchObject({ stripeUrl, sendgridUrl });
  expect(await listener.stop()).toBe(0);
  expect(await system.sandbox.webhooks()).toMatchObject({ stripeUrl: null, sendgridUrl: null });
});

it('leaves the addresses of a listener that came after it', async () => {
  const second = await startListener(system.env);
  expect(await listener.stop()).toBe(0);
  expect(await system.sandbox.webhooks()).toMatchObject({ stripeUrl: second.stripeUrl });
  expect(await second.stop()).toBe(0);
});

it('wants keys outside the sandbox, and masks the secret where settings are shown', async () => {
  const keys = { ...system.env, STRIPE_SECRET_KEY: 'sk_test_1', SENDGRID_API_KEY: 'SG.x' };
  const organization = {
    DONATIONS_ORGANIZATION_LEGAL_NAME: 'A',
    DONATIONS_ORGANIZATION_ADDRESS: 'B',
    DONATIONS_ORGANIZATION_TAX_ID: 'C',
    DONATIONS_ORGANIZATION_EMAIL: 'a@example.org',
    DONATIONS_RECEIPTS_FROM_EMAIL: 'a@example.org',
    DONATIONS_RECEIPTS_FROM_NAME: 'A',
  };
  const env = { ...keys, ...organization };
  const { code, stderr } = await runCli(['webhooks', 'listen', '--port', '0'], { env });
  expect(code).toBe(78);
  expect(stderr).toContain('STRIPE_WEBHOOK_SECRET');
  expect(stderr).toContain('DONATIONS_SENDGRID_WEBHOOK_PUBLIC_KEY');
  const shown = await runCli(['config', 'show'], {
    env: { ...env, STRIPE_WEBHOOK_SECRET: 'whsec_verysecretindeed' },
  });
  expect(shown.stdout).toContain('stripe.webhookSecret');
  expect(shown.stdout).not.toContain('verysecret');
  const bad = await runCli(['webhooks', 'listen'], {
    env: { ...env, DONATIONS_SENDGRID_WEBHOOK_PUBLIC_KEY: 'nonsense' },
  });
  expect(bad.code).toBe(78);
  expect(bad.stderr).toContain('sendgrid.webhookPublicKey');
});
