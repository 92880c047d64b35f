import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { chargeParams, failureOf, stripeOn, type TestSandbox, testSandbox } from './harness.ts';

let sandbox: TestSandbox;
beforeAll(async () => {
  sandbox = await testSandbox();
});
afterEach(() => sandbox.admin.clearFaults());
afterAll(() => sandbox.close());

const { confirm: _confirm, error_on_requires_action: _error, ...UNCONFIRMED } = chargeParams();
const create = (extra = {}) => sandbox.stripe.paymentIntents.create({ ...UNCONFIRMED, ...extra });
const confirm = (id: string, extra = {}) =>
  sandbox.stripe.paymentIntents.confirm(id, { error_on_requires_action: true, ...extra });
const retrieve = (id: string) =>
  sandbox.stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] });
const succeeded = async () => (await sandbox.admin.stats()).succeeded;

test('an unconfirmed payment moves no money, and one confirmation moves it once', async () => {
  const before = await succeeded();
  const { id, status } = await create({ metadata: { donation_id: 'don_1' } });
  expect(status).toBe('requires_confirmation');
  expect(await retrieve(id)).toMatchObject({ amount_received: 0, latest_charge: null });
  expect(await succeeded()).toBe(before);
  expect(await confirm(id)).toMatchObject({ id, status: 'succeeded', amount_received: 5000 });
  const charged = (await retrieve(id)).latest_charge;
  for (let again = 0; again < 3; again++) {
    expect(await failureOf(confirm(id))).toMatchObject({
      statusCode: 400,
      code: 'payment_intent_unexpected_state',
      payment_intent: { id, status: 'succeeded' },
    });
  }
  expect((await retrieve(id)).latest_charge).toEqual(charged);
  expect(await succeeded()).toBe(before + 1);
});

test.each(['off_session', 'error_on_requires_action', 'return_url'])(
  '%s belongs to the confirmation',
  async (name) => {
    const value = name === 'return_url' ? 'https://example.org' : true;
    expect(await failureOf(create({ [name]: value }))).toMatchObject({
      statusCode: 400,
      param: name,
    });
    const { id } = await create();
    expect(await confirm(id, { [name]: value })).toMatchObject({ status: 'succeeded' });
  },
);

test('a declined payment can be confirmed with another card, and not without', async () => {
  const { id, status } = await create({ payment_method: 'pm_card_chargeDeclined' });
  expect(status).toBe('requires_confirmation');
  expect(await failureOf(confirm(id))).toMatchObject({
    statusCode: 402,
    payment_intent: { id, status: 'requires_payment_method' },
  });
  expect(await failureOf(confirm(id))).toMatchObject({
    statusCode: 400,
    code: 'payment_intent_unexpected_state',
    payment_intent: { id, status: 'requires_payment_method' },
  });
  expect(await confirm(id, { payment_method: 'pm_card_visa' })).toMatchObject({
    status: 'succeeded',
  });
});

describe('a cancelled payment', () => {
  test.each([
    ['not confirmed yet', {}, false],
    ['declined', { payment_method: 'pm_card_chargeDeclined' }, true],
  ])('that was %s can never succeed', async (_what, extra, tried) => {
    const { id } = await create(extra);
    if (tried) await failureOf(confirm(id));
    expect(
      await sandbox.stripe.paymentIntents.cancel(id, { cancellation_reason: 'abandoned' }),
    ).toMatchObject({
      status: 'canceled',
      cancellation_reason: 'abandoned',
      canceled_at: expect.any(Number),
    });
    for (const again of [
      () => confirm(id, { payment_method: 'pm_card_visa' }),
      () => sandbox.stripe.paymentIntents.cancel(id),
    ]) {
      expect(await failureOf(again())).toMatchObject({
        statusCode: 400,
        code: 'payment_intent_unexpected_state',
        payment_intent: { id, status: 'canceled' },
      });
    }
  });

  test('is not one that succeeded', async () => {
    const { id } = await create();
    await confirm(id);
    expect(await failureOf(sandbox.stripe.paymentIntents.cancel(id))).toMatchObject({
      statusCode: 400,
      code: 'payment_intent_unexpected_state',
      payment_intent: { id, status: 'succeeded' },
    });
  });
});

test('while one request holds a payment, other changes fail and reads succeed', async () => {
  const { id } = await create();
  await sandbox.admin.setFaults('stripe', {
    latencyMs: [400, 400],
    path: 'POST .*/confirm$',
    count: 1,
  });
  const first = confirm(id);
  // The request is held as soon as the fault is used up.
  await expect.poll(async () => (await sandbox.admin.faults()).stripe).toEqual([]);
  for (const other of [confirm, (held: string) => sandbox.stripe.paymentIntents.cancel(held)]) {
    expect(await failureOf(other(id))).toMatchObject({ statusCode: 429, code: 'lock_timeout' });
  }
  expect(await retrieve(id)).toMatchObject({ status: 'requires_confirmation' });
  expect(await first).toMatchObject({ status: 'succeeded' });
});

describe('a refund', () => {
  const charged = async () => {
    const { id } = await create({ metadata: { donation_id: 'don_refund' } });
    await confirm(id);
    return id;
  };

  test('of a part, of the rest, and not of more', async () => {
    const payment_intent = await charged();
    const part = await sandbox.stripe.refunds.create({ payment_intent, amount: 1200 });
    expect(part).toMatchObject({ object: 'refund', amount: 1200, status: 'succeeded' });
    expect((await retrieve(payment_intent)).latest_charge).toMatchObject({
      amount_refunded: 1200,
      refunded: false,
    });
    expect(
      await failureOf(sandbox.stripe.refunds.create({ payment_intent, amount: 3801 })),
    ).toMatchObject({ statusCode: 400, param: 'amount' });
    const rest = await sandbox.admin.refund(payment_intent);
    expect(rest).toMatchObject({ amount: 3800, payment_intent });
    expect(await sandbox.stripe.refunds.retrieve(rest.id)).toMatchObject({ amount: 3800 });
    expect(await retrieve(payment_intent)).toMatchObject({
      status: 'succeeded',
      latest_charge: { amount_refunded: 5000, refunded: true },
    });
    expect(await failureOf(sandbox.stripe.refunds.create({ payment_intent }))).toMatchObject({
      code: 'charge_already_refunded',
    });
    expect(await failureOf(sandbox.admin.refund(payment_intent))).toMatchObject({ code: 'usage' });
  });

  test('needs money that was charged', async () => {
    const { id } = await create();
    expect(await failureOf(sandbox.stripe.refunds.create({ payment_intent: id }))).toMatchObject({
      code: 'charge_not_refundable',
    });
    expect(
      await failureOf(sandbox.stripe.refunds.create({ payment_intent: 'pi_nowhere' })),
    ).toMatchObject({ code: 'resource_missing' });
    expect(await failureOf(sandbox.stripe.refunds.create({}))).toMatchObject({ statusCode: 400 });
  });

  test('is made through the admin interface despite faults', async () => {
    const id = await charged();
    await sandbox.admin.setFaults('stripe', { down: true });
    expect(await sandbox.admin.refund(id, 100n)).toMatchObject({ amount: 100 });
    expect(await failureOf(sandbox.admin.paymentIntent('pi_nowhere'))).toMatchObject({
      code: 'not_found',
    });
  });
});

describe('a late request', () => {
  const impatient = () => stripeOn(sandbox.server, 150).paymentIntents;

  test('takes effect when it is released, long after its client gave up', async () => {
    const { id } = await create();
    await sandbox.admin.setFaults('stripe', { late: true, path: 'POST .*/confirm$', count: 1 });
    await failureOf(impatient().confirm(id));
    expect(await sandbox.admin.held()).toEqual([
      { provider: 'stripe', method: 'POST', path: `/v1/payment_intents/${id}/confirm` },
    ]);
    expect((await sandbox.admin.stats()).held).toBe(1);
    expect(await retrieve(id)).toMatchObject({ status: 'requires_confirmation' });
    expect(await sandbox.admin.releaseHeld()).toEqual({ released: 1 });
    expect(await retrieve(id)).toMatchObject({ status: 'succeeded' });
    expect(await sandbox.admin.releaseHeld()).toEqual({ released: 0 });
  });

  test('does nothing when another request was first', async () => {
    const before = await succeeded();
    const { id } = await create();
    await sandbox.admin.setFaults('stripe', { lateAfterReset: true, count: 1 });
    expect(await failureOf(confirm(id))).toMatchObject({ type: 'StripeConnectionError' });
    await expect.poll(async () => (await sandbox.admin.held()).length).toBe(1);
    await sandbox.stripe.paymentIntents.cancel(id);
    await sandbox.admin.releaseHeld();
    expect(await retrieve(id)).toMatchObject({ status: 'canceled' });
    expect(await succeeded()).toBe(before);
  });

  test('takes effect by itself after its time', async () => {
    const { id } = await create();
    await sandbox.admin.setFaults('stripe', { lateAfterReset: true, lateMs: 100, count: 1 });
    await failureOf(confirm(id));
    await expect.poll(async () => (await retrieve(id)).status).toBe('succeeded');
    expect(await sandbox.admin.held()).toEqual([]);
  });

  test('can be a creation, and keeps its idempotency key', async () => {
    const made = (options = {}) =>
      sandbox.stripe.paymentIntents.create(UNCONFIRMED, { idempotencyKey: 'late key', ...options });
    await sandbox.admin.setFaults('stripe', {
      lateAfterReset: true,
      path: 'POST /v1/payment_intents$',
      count: 1,
    });
    await failureOf(made());
    await expect.poll(async () => (await sandbox.admin.held()).length).toBe(1);
    const { id } = await made();
    await sandbox.admin.releaseHeld();
    expect((await made()).id).toBe(id);
  });

  test('can be a mail', async () => {
    const mails = async () => (await sandbox.admin.stats()).mails;
    const before = await mails();
    await sandbox.admin.setFaults('sendgrid', { lateAfterReset: true, count: 1 });
    await failureOf(
      sandbox.mailer.send({ to: 'a@example.org', from: 'b@example.org', subject: 's', text: 't' }),
    );
    await expect.poll(async () => (await sandbox.admin.held()).length).toBe(1);
    expect(await mails()).toBe(before);
    await sandbox.admin.releaseHeld();
    expect(await mails()).toBe(before + 1);
  });

  test('is deleted by a reset', async () => {
    await sandbox.admin.setFaults('stripe', { late: true, count: 1 });
    await failureOf(impatient().create(UNCONFIRMED));
    expect(await sandbox.admin.held()).toHaveLength(1);
    await sandbox.admin.reset();
    expect(await sandbox.admin.releaseHeld()).toEqual({ released: 0 });
    expect((await sandbox.admin.stats()).payment_intents).toBe(0);
  });
});
