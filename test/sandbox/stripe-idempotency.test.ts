import { afterAll, beforeAll, expect, test } from 'vitest';
import { chargeParams, failureOf, stripeOn, type TestSandbox, testSandbox } from './harness.ts';

let sandbox: TestSandbox;
let aheadMs = 0;
beforeAll(async () => {
  sandbox = await testSandbox({ clock: { now: () => new Date(Date.now() + aheadMs) } });
});
afterAll(() => sandbox.close());

let keys = 0;
const newKey = () => `key-${keys++}`;
const charge = (idempotencyKey: string, extra = {}) =>
  sandbox.stripe.paymentIntents.create(chargeParams(extra), { idempotencyKey });
const intents = async (donationId: string) =>
  (await sandbox.admin.paymentIntents({ donationId })).length;

test('the first answer is replayed, and marked as a replay', async () => {
  const key = newKey();
  const metadata = { donation_id: key };
  const first = await charge(key, { metadata });
  const second = await charge(key, { metadata });
  expect(second.id).toBe(first.id);
  const headersOf = ({ lastResponse }: typeof first) =>
    Object.fromEntries(lastResponse.headers as unknown as Headers);
  expect(headersOf(first)).not.toHaveProperty('idempotent-replayed');
  expect(headersOf(second)).toMatchObject({
    'idempotent-replayed': 'true',
    'idempotency-key': key,
    'original-request': first.lastResponse.requestId,
  });
  expect(await intents(key)).toBe(1);
});

test('the order of the parameters does not matter', async () => {
  const key = newKey();
  const send = (body: string) =>
    fetch(`${sandbox.server.url}/v1/customers`, {
      method: 'POST',
      headers: { Authorization: 'Bearer sk_test_sandbox', 'Idempotency-Key': key },
      body,
    }).then(async (response) => ((await response.json()) as { id: string }).id);
  expect(await send('name=A&phone=1')).toBe(await send('phone=1&name=A'));
});

test('a decline is replayed', async () => {
  const key = newKey();
  const extra = { payment_method: 'pm_card_chargeDeclined', metadata: { donation_id: key } };
  const [first, second] = [
    await failureOf(charge(key, extra)),
    await failureOf(charge(key, extra)),
  ];
  expect(second).toMatchObject({
    code: 'card_declined',
    headers: { 'idempotent-replayed': 'true' },
  });
  expect(second.payment_intent).toEqual(first.payment_intent);
  expect(await intents(key)).toBe(1);
});

test('other parameters, or another path, under a used key are an error', async () => {
  const key = newKey();
  const { id } = await charge(key);
  const expected = {
    statusCode: 400,
    type: 'StripeIdempotencyError',
    message: expect.stringContaining(key),
  };
  expect(await failureOf(charge(key, { amount: 6000 }))).toMatchObject(expected);
  expect(
    await failureOf(sandbox.stripe.customers.create({}, { idempotencyKey: key })),
  ).toMatchObject(expected);
  expect((await charge(key)).id).toBe(id);
});

test('a second request while the first is under way is a conflict, and not kept', async () => {
  const key = newKey();
  const metadata = { donation_id: key };
  await sandbox.admin.setFaults('stripe', { latencyMs: [400, 400] });
  const results = await Promise.allSettled([charge(key, { metadata }), charge(key, { metadata })]);
  await sandbox.admin.clearFaults();
  const refused = results.find((result) => result.status === 'rejected');
  expect(refused?.reason).toMatchObject({
    statusCode: 409,
    code: 'idempotency_key_in_use',
    headers: { 'stripe-should-retry': 'true' },
  });
  expect((await charge(key, { metadata })).status).toBe('succeeded');
  expect(await intents(key)).toBe(1);
});

test('a failed validation is not kept: the key can be used again', async () => {
  const key = newKey();
  expect(await failureOf(charge(key, { amount: 1 }))).toMatchObject({ code: 'amount_too_small' });
  expect((await charge(key)).status).toBe('succeeded');
});

test('a 429 and a 409 are not kept', async () => {
  for (const fault of [{ rateLimit: 0.001 }, { conflicts: true as const }]) {
    const key = newKey();
    await sandbox.admin.setFaults('stripe', fault);
    if ('rateLimit' in fault) await sandbox.stripe.balance.retrieve();
    expect([409, 429]).toContain((await failureOf(charge(key))).statusCode);
    await sandbox.admin.clearFaults();
    expect((await charge(key)).status).toBe('succeeded');
  }
});

test('a 500 is replayed, whether or not the work was done', async () => {
  for (const [fault, done] of [
    ['errors', 0],
    ['errorsAfterProcessing', 1],
  ] as const) {
    const key = newKey();
    const metadata = { donation_id: key };
    await sandbox.admin.setFaults('stripe', { [fault]: true, count: 1 });
    expect(await failureOf(charge(key, { metadata }))).toMatchObject({ statusCode: 500 });
    expect(await failureOf(charge(key, { metadata }))).toMatchObject({
      statusCode: 500,
      headers: { 'idempotent-replayed': 'true' },
    });
    expect(await intents(key)).toBe(done);
  }
});

test('keys belong to an account, whichever of its keys is used', async () => {
  const key = newKey();
  const { id } = await charge(key);
  const on = async (secret: string) =>
    (
      await stripeOn(sandbox.server, 5000, secret).paymentIntents.create(chargeParams(), {
        idempotencyKey: key,
      })
    ).id;
  expect(await on('rk_test_sandbox')).toBe(id);
  expect(await on('sk_test_other')).not.toBe(id);
});

test('a key of more than 255 characters is refused', async () => {
  expect((await charge('k'.repeat(255))).status).toBe('succeeded');
  expect(await failureOf(charge('k'.repeat(256)))).toMatchObject({ statusCode: 400 });
});

test('keys have no effect on reading', async () => {
  const key = newKey();
  await charge(key);
  expect(await sandbox.stripe.balance.retrieve({}, { idempotencyKey: key })).toMatchObject({
    object: 'balance',
  });
});

test('an expired key runs again: expired by age, or by command', async () => {
  const [old, young] = [newKey(), newKey()];
  const { id } = await charge(old, { metadata: { donation_id: old } });
  aheadMs += 20 * 60 * 60 * 1000;
  expect((await charge(old, { metadata: { donation_id: old } })).id).toBe(id);
  await charge(young, { metadata: { donation_id: young } });
  expect((await sandbox.admin.expireKeys(60_000)).expired).toBeGreaterThan(0);
  expect((await charge(old, { metadata: { donation_id: old } })).id).not.toBe(id);
  await charge(young, { metadata: { donation_id: young } });
  expect(await intents(young)).toBe(1);
  aheadMs += 25 * 60 * 60 * 1000;
  await charge(young, { metadata: { donation_id: young } });
  expect(await intents(young)).toBe(2);
});
