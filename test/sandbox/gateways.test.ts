import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sendgridGateway } from '../../src/lib/providers/sendgrid.ts';
import { stripeGateway } from '../../src/lib/providers/stripe.ts';
import { failureOf, type TestSandbox, testSandbox } from './harness.ts';

// Our gateways against the doubles: what the tasks rely on under every fault.
let sandbox: TestSandbox;
beforeAll(async () => {
  sandbox = await testSandbox();
});
afterEach(() => sandbox.admin.clearFaults());
afterAll(() => sandbox.close());

describe('a payment', () => {
  const payments = (timeoutMs = 5000) =>
    stripeGateway({ secretKey: 'sk_test_sandbox', apiBase: sandbox.server.url, timeoutMs });
  const request = (paymentMethod = 'pm_card_visa') => ({
    donationId: `don_${randomUUID()}`,
    amount: { minor: 5000n, currency: 'usd' },
    paymentMethod,
    description: 'A donation',
  });
  const created = async (paymentMethod?: string) =>
    (await payments().createPayment(request(paymentMethod))).paymentIntentId;
  const succeeded = async () => (await sandbox.admin.stats()).succeeded;
  const confirmation = 'POST .*/confirm$';

  test('is charged once, however often it is confirmed', async () => {
    const before = await succeeded();
    const id = await created();
    expect(await payments().retrievePayment(id)).toMatchObject({ status: 'unconfirmed' });
    for (let again = 0; again < 3; again++) {
      expect(await payments().confirmPayment(id)).toMatchObject({
        status: 'succeeded',
        paymentIntentId: id,
        paymentMethodId: expect.stringMatching(/^pm_/),
        card: { brand: 'visa', last4: '4242' },
        refundedMinor: 0n,
      });
    }
    expect(await succeeded()).toBe(before + 1);
  });

  test('is charged once by concurrent confirmations, which all get its state', async () => {
    const before = await succeeded();
    const id = await created();
    await sandbox.admin.setFaults('stripe', { latencyMs: [100, 300], path: confirmation });
    const answers = await Promise.all([1, 2, 3, 4].map(() => payments().confirmPayment(id)));
    const statuses = answers.map(({ status }) => status);
    expect(statuses).toContain('succeeded');
    expect(['succeeded', 'unconfirmed']).toEqual(expect.arrayContaining(statuses));
    expect(await succeeded()).toBe(before + 1);
  });

  test.each([
    'timeouts',
    'resetAfterProcessing',
    'errorsAfterProcessing',
    'truncated',
    'html',
  ] as const)(
    'whose confirmation was done and whose answer was lost (%s) is asked for by its id',
    async (fault) => {
      const before = await succeeded();
      const id = await created();
      await sandbox.admin.setFaults('stripe', { [fault]: true, path: confirmation, count: 1 });
      expect(await failureOf(payments(300).confirmPayment(id))).toMatchObject({
        errorClass: 'transient',
      });
      expect(await payments().retrievePayment(id)).toMatchObject({ status: 'succeeded' });
      expect(await payments().confirmPayment(id)).toMatchObject({ status: 'succeeded' });
      expect(await succeeded()).toBe(before + 1);
    },
  );

  test('whose confirmation comes late does not succeed twice, nor once it is cancelled', async () => {
    const before = await succeeded();
    const [charged, cancelled] = [await created(), await created()];
    await sandbox.admin.setFaults('stripe', { lateAfterReset: true, path: confirmation, count: 2 });
    for (const id of [charged, cancelled]) await failureOf(payments().confirmPayment(id));
    await expect.poll(async () => (await sandbox.admin.held()).length).toBe(2);
    expect(await payments().confirmPayment(charged)).toMatchObject({ status: 'succeeded' });
    expect(await payments().cancelPayment(cancelled)).toMatchObject({ status: 'canceled' });
    await sandbox.admin.releaseHeld();
    expect(await payments().retrievePayment(charged)).toMatchObject({ status: 'succeeded' });
    expect(await payments().confirmPayment(cancelled)).toMatchObject({ status: 'canceled' });
    expect(await succeeded()).toBe(before + 1);
  });

  test('whose creation failed at Stripe is created anew, and costs nothing', async () => {
    const before = await succeeded();
    const donation = request();
    const creation = 'POST /v1/payment_intents$';
    await sandbox.admin.setFaults('stripe', {
      errorsAfterProcessing: true,
      path: creation,
      count: 1,
    });
    expect(await failureOf(payments().createPayment(donation))).toMatchObject({
      errorClass: 'transient',
    });
    const { paymentIntentId } = await payments().createPayment(donation);
    expect(await payments().confirmPayment(paymentIntentId)).toMatchObject({ status: 'succeeded' });
    const all = await sandbox.admin.paymentIntents({ donationId: donation.donationId });
    expect(all.map(({ status }) => status).sort()).toEqual(['requires_confirmation', 'succeeded']);
    expect(await succeeded()).toBe(before + 1);
  });

  test('of a donation whose card was changed is another one', async () => {
    const donation = request('pm_card_chargeDeclined');
    const first = await payments().createPayment(donation);
    const second = await payments().createPayment({ ...donation, paymentMethod: 'pm_card_visa' });
    expect(second.paymentIntentId).not.toBe(first.paymentIntentId);
    expect(await payments().confirmPayment(second.paymentIntentId)).toMatchObject({
      status: 'succeeded',
    });
  });

  test('that was declined says why, and can be cancelled for good', async () => {
    const id = await created('pm_card_chargeDeclinedInsufficientFunds');
    const declined = { status: 'declined', declineCode: 'insufficient_funds', paymentIntentId: id };
    expect(await payments().confirmPayment(id)).toMatchObject(declined);
    expect(await payments().confirmPayment(id)).toMatchObject(declined);
    expect(await payments().retrievePayment(id)).toMatchObject(declined);
    expect(await payments().cancelPayment(id)).toMatchObject({ status: 'canceled' });
    expect(await payments().cancelPayment(id)).toMatchObject({ status: 'canceled' });
  });

  test('on a card that needs authentication is declined', async () => {
    const id = await created('pm_card_authenticationRequired');
    expect(await payments().confirmPayment(id)).toMatchObject({
      status: 'declined',
      declineCode: 'authentication_required',
    });
  });

  test('that succeeded cannot be cancelled, and reports its refunds', async () => {
    const id = await created();
    await payments().confirmPayment(id);
    expect(await payments().cancelPayment(id)).toMatchObject({
      status: 'succeeded',
      refundedMinor: 0n,
    });
    await sandbox.admin.refund(id, 1200n);
    for (const ask of ['retrievePayment', 'confirmPayment', 'cancelPayment'] as const) {
      expect(await payments()[ask](id)).toMatchObject({
        status: 'succeeded',
        refundedMinor: 1200n,
      });
    }
  });

  test('its provider is pinged with the calls that the tasks need', async () => {
    expect(await payments().ping()).toEqual({ livemode: false, serverTime: expect.any(Date) });
    await sandbox.admin.setFaults('stripe', { forbidden: true, path: '/v1/balance' });
    await payments().ping();
    await payments().ping('customers');
    await sandbox.admin.setFaults('stripe', { forbidden: true, path: '/v1/customers' });
    await payments().ping('payments');
    expect(await failureOf(payments().ping('customers'))).toMatchObject({
      errorClass: 'misconfigured',
    });
  });
});

test('the ping of the mail provider fails while the sender is refused', async () => {
  const mail = sendgridGateway({
    apiKey: 'SG.sandbox',
    apiBase: sandbox.server.url,
    timeoutMs: 5000,
    sender: { email: 'receipts@example.org', name: 'Receipts' },
  });
  await sandbox.admin.setFaults('sendgrid', { forbidden: true, path: '/v3/mail/send' });
  expect(await failureOf(mail.ping())).toMatchObject({
    errorClass: 'misconfigured',
    httpStatus: 403,
    message: expect.stringContaining('verified Sender Identity'),
  });
  await sandbox.admin.clearFaults();
  expect(await mail.ping()).toMatchObject({ scopes: expect.arrayContaining(['mail.send']) });
  expect(await sandbox.admin.inbox()).toEqual([]);
});
