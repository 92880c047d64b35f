import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chargeParams, failureOf, stripeOn, type TestSandbox, testSandbox } from './harness.ts';

let sandbox: TestSandbox;
beforeAll(async () => {
  sandbox = await testSandbox();
});
afterAll(() => sandbox.close());

const charge = (extra = {}, options = {}) =>
  sandbox.stripe.paymentIntents.create(chargeParams(extra), options);

describe('a charge', () => {
  test('succeeds, with its charge and card expanded on request', async () => {
    const intent = await charge({
      metadata: { donation_id: 'don_1' },
      expand: ['latest_charge', 'payment_method'],
    });
    expect(intent).toMatchObject({
      object: 'payment_intent',
      status: 'succeeded',
      amount: 5000,
      amount_received: 5000,
      currency: 'usd',
      livemode: false,
      metadata: { donation_id: 'don_1' },
      latest_charge: {
        object: 'charge',
        paid: true,
        payment_method_details: { card: { brand: 'visa', last4: '4242' } },
      },
      payment_method: {
        object: 'payment_method',
        card: { brand: 'visa', last4: '4242' },
        customer: null,
      },
    });
    const again = await sandbox.stripe.paymentIntents.retrieve(intent.id);
    expect(again.latest_charge).toMatch(/^ch_/);
    const byId = await sandbox.stripe.charges.retrieve(again.latest_charge as string);
    expect(byId).toMatchObject({ payment_intent: intent.id, status: 'succeeded' });
  });

  test('with a test card makes a new PaymentMethod each time', async () => {
    const [one, two] = [await charge(), await charge()];
    expect(one.payment_method).toMatch(/^pm_/);
    expect(one.payment_method).not.toBe('pm_card_visa');
    expect(one.payment_method).not.toBe(two.payment_method);
  });

  test.each([
    ['pm_card_mastercard', 'mastercard', '4444'],
    ['pm_card_amex', 'amex', '0005'],
  ])('on %s tells the card', async (payment_method, brand, last4) => {
    const intent = await charge({ payment_method, expand: ['payment_method'] });
    expect(intent.payment_method).toMatchObject({ card: { brand, last4 } });
  });

  test('takes a token only as payment_method_data, or as a PaymentMethod made of it', async () => {
    expect(await failureOf(charge({ payment_method: 'tok_visa' }))).toMatchObject({
      statusCode: 400,
      code: 'resource_missing',
    });
    const data = { type: 'card' as const, card: { token: 'tok_mastercard' } };
    const intent = await charge({
      payment_method: undefined,
      payment_method_data: data,
      expand: ['payment_method'],
    });
    expect(intent.payment_method).toMatchObject({ card: { brand: 'mastercard' } });
    const method = await sandbox.stripe.paymentMethods.create({
      type: 'card',
      card: { token: 'tok_chargeDeclined' },
    });
    expect(await failureOf(charge({ payment_method: method.id }))).toMatchObject({
      code: 'card_declined',
    });
  });
});

describe('a test card', () => {
  test.each([
    ['pm_card_chargeDeclined', 'card_declined', 'generic_decline'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'],
    ['pm_card_chargeDeclinedLostCard', 'card_declined', 'lost_card'],
    ['pm_card_visa_chargeDeclinedLostCard', 'card_declined', 'lost_card'],
    ['pm_card_chargeDeclinedStolenCard', 'card_declined', 'stolen_card'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card', 'expired_card'],
    ['pm_card_chargeDeclinedIncorrectCvc', 'incorrect_cvc', 'incorrect_cvc'],
    ['pm_card_chargeDeclinedProcessingError', 'processing_error', 'processing_error'],
    ['pm_card_authenticationRequired', 'authentication_required', 'authentication_required'],
  ])('%s is declined', async (payment_method, code, decline_code) => {
    const error = await failureOf(charge({ payment_method }));
    expect(error).toMatchObject({
      type: 'StripeCardError',
      statusCode: 402,
      code,
      decline_code,
      requestId: expect.stringMatching(/^req_/),
      doc_url: expect.stringContaining(code.replaceAll('_', '-')),
      payment_intent: {
        status: 'requires_payment_method',
        last_payment_error: { code, decline_code },
      },
    });
    const { id } = error.payment_intent as { id: string };
    expect(await sandbox.stripe.paymentIntents.retrieve(id)).toMatchObject({
      status: 'requires_payment_method',
      amount_received: 0,
    });
  });

  test('that needs authentication waits for it unless the donor is absent', async () => {
    const intent = await charge({
      payment_method: 'pm_card_authenticationRequired',
      error_on_requires_action: false,
    });
    expect(intent).toMatchObject({
      status: 'requires_action',
      amount_received: 0,
      next_action: { type: 'use_stripe_sdk' },
    });
  });
});

describe('a request is refused', () => {
  test.each<[string, object, object]>([
    [
      'payment_method_types',
      { payment_method_types: ['card'] },
      { code: 'parameter_unknown', param: 'payment_method_types' },
    ],
    [
      'an unknown nested parameter',
      { automatic_payment_methods: { enabled: true, x: 1 } },
      { code: 'parameter_unknown', param: 'automatic_payment_methods[x]' },
    ],
    [
      'redirects without return_url',
      { automatic_payment_methods: { enabled: true } },
      { param: 'return_url' },
    ],
    [
      'no choice of methods at all',
      { automatic_payment_methods: undefined },
      { param: 'return_url' },
    ],
    ['too small an amount', { amount: 49 }, { code: 'amount_too_small', param: 'amount' }],
    ['too small an amount in yen', { amount: 49, currency: 'jpy' }, { code: 'amount_too_small' }],
    ['too large an amount', { amount: 100_000_000 }, { code: 'amount_too_large' }],
    ['zero', { amount: 0 }, { code: 'parameter_invalid_integer' }],
    ['a fraction', { amount: 10.5 }, { code: 'parameter_invalid_integer', param: 'amount' }],
    ['thousandths that no bank settles', { amount: 5001, currency: 'bhd' }, { param: 'amount' }],
    ['an unknown currency', { currency: 'xyz' }, { param: 'currency' }],
    ['no amount', { amount: undefined }, { code: 'parameter_missing', param: 'amount' }],
    [
      'an unknown PaymentMethod',
      { payment_method: 'pm_nowhere' },
      { code: 'resource_missing', param: 'payment_method' },
    ],
    [
      'no PaymentMethod',
      { payment_method: undefined },
      { code: 'payment_intent_unexpected_state' },
    ],
    [
      'an unknown customer',
      { customer: 'cus_nowhere' },
      { code: 'resource_missing', param: 'customer' },
    ],
    [
      'error_on_requires_action without confirm',
      { confirm: false },
      { param: 'error_on_requires_action' },
    ],
    ['too much metadata', { metadata: { x: 'y'.repeat(501) } }, { param: 'metadata[x]' }],
    ['something that cannot be expanded', { expand: ['amount'] }, { param: 'expand' }],
  ])('for %s', async (_what, params, expected) => {
    const before = (await sandbox.admin.stats()).payment_intents;
    const error = await failureOf(charge(params));
    expect(error).toMatchObject({
      type: 'StripeInvalidRequestError',
      statusCode: 400,
      ...expected,
    });
    expect((await sandbox.admin.stats()).payment_intents).toBe(before);
  });

  test('for an id that does not exist', async () => {
    expect(await failureOf(sandbox.stripe.paymentIntents.retrieve('pi_nowhere'))).toMatchObject({
      statusCode: 404,
      code: 'resource_missing',
    });
    expect(await failureOf(sandbox.stripe.customers.retrieve('cus_nowhere'))).toMatchObject({
      statusCode: 404,
    });
  });

  test('for a key that is not a test key', async () => {
    for (const key of ['sk_live_x', 'nonsense']) {
      const error = await failureOf(stripeOn(sandbox.server, 5000, key).balance.retrieve());
      expect(error).toMatchObject({ type: 'StripeAuthenticationError', statusCode: 401 });
    }
    await stripeOn(sandbox.server, 5000, 'rk_test_sandbox').balance.retrieve();
  });

  test('not for the same key by Basic authentication', async () => {
    const headers = {
      Authorization: `Basic ${Buffer.from('sk_test_sandbox:').toString('base64')}`,
    };
    const response = await fetch(`${sandbox.server.url}/v1/balance`, { headers });
    expect(response.status).toBe(200);
  });

  test('for a path that the double does not have', async () => {
    expect(await failureOf(sandbox.stripe.disputes.list())).toMatchObject({
      statusCode: 404,
      message: expect.stringContaining('Unrecognized request URL'),
    });
  });
});

describe('saving a card', () => {
  const newCustomer = () => sandbox.stripe.customers.create({ email: 'a@example.org', name: 'A' });

  test('charged with setup_future_usage works, and makes it the default', async () => {
    const { payment_method } = await charge();
    const customer = await newCustomer();
    const method = await sandbox.stripe.paymentMethods.attach(payment_method as string, {
      customer: customer.id,
    });
    expect(method.customer).toBe(customer.id);
    const updated = await sandbox.stripe.customers.update(customer.id, {
      invoice_settings: { default_payment_method: method.id },
    });
    expect(updated.invoice_settings.default_payment_method).toBe(method.id);
    const later = await charge({
      payment_method: method.id,
      customer: customer.id,
      setup_future_usage: undefined,
      off_session: true,
    });
    expect(later).toMatchObject({ status: 'succeeded', customer: customer.id });
    expect(await failureOf(charge({ payment_method: method.id }))).toMatchObject({
      statusCode: 400,
      param: 'payment_method',
    });
  });

  test('charged without setup_future_usage is refused for ever', async () => {
    const { payment_method } = await charge({ setup_future_usage: undefined });
    const customer = await newCustomer();
    const attach = () =>
      sandbox.stripe.paymentMethods.attach(payment_method as string, { customer: customer.id });
    for (const again of [attach, attach, () => charge({ payment_method })]) {
      expect(await failureOf(again())).toMatchObject({
        statusCode: 400,
        type: 'StripeInvalidRequestError',
        message: expect.stringContaining(
          'was previously used with a PaymentIntent without Customer attachment',
        ),
      });
    }
    const method = await sandbox.stripe.paymentMethods.retrieve(payment_method as string);
    expect(Object.keys(method).filter((name) => name.includes('sandbox'))).toEqual([]);
  });

  test('that has a customer is refused to every other customer', async () => {
    const { payment_method } = await charge();
    const [one, two] = [await newCustomer(), await newCustomer()];
    await sandbox.stripe.paymentMethods.attach(payment_method as string, { customer: one.id });
    for (const { id } of [one, two]) {
      expect(
        await failureOf(
          sandbox.stripe.paymentMethods.attach(payment_method as string, { customer: id }),
        ),
      ).toMatchObject({
        statusCode: 400,
        message: expect.stringContaining('already been attached'),
      });
    }
    expect(await sandbox.stripe.paymentMethods.retrieve(payment_method as string)).toMatchObject({
      customer: one.id,
    });
  });

  test('of a customer or method that does not exist is refused', async () => {
    const { payment_method } = await charge();
    const customer = await newCustomer();
    const { attach } = sandbox.stripe.paymentMethods;
    const attached = (id: string, owner: string) =>
      attach.call(sandbox.stripe.paymentMethods, id, { customer: owner });
    expect(await failureOf(attached(payment_method as string, 'cus_nowhere'))).toMatchObject({
      statusCode: 400,
      code: 'resource_missing',
    });
    expect(await failureOf(attached('pm_nowhere', customer.id))).toMatchObject({
      statusCode: 404,
      code: 'resource_missing',
    });
    expect(
      await failureOf(
        sandbox.stripe.customers.update(customer.id, {
          invoice_settings: { default_payment_method: payment_method as string },
        }),
      ),
    ).toMatchObject({ statusCode: 400, code: 'resource_missing' });
  });

  test('is done by the charge if the intent has a customer', async () => {
    const customer = await newCustomer();
    const { payment_method } = await charge({ customer: customer.id });
    expect(await sandbox.stripe.paymentMethods.retrieve(payment_method as string)).toMatchObject({
      customer: customer.id,
    });
  });
});

describe('lists', () => {
  test('come newest first, in pages, to the end', async () => {
    const made: string[] = [];
    for (let i = 0; i < 7; i++) made.unshift((await charge()).id);
    const page = await sandbox.stripe.paymentIntents.list({ limit: 3 });
    expect(page.data.map(({ id }) => id)).toEqual(made.slice(0, 3));
    expect(page.has_more).toBe(true);
    const seen: string[] = [];
    for await (const { id } of sandbox.stripe.paymentIntents.list({ limit: 3 })) seen.push(id);
    expect(seen.slice(0, 7)).toEqual(made);
    expect(new Set(seen).size).toBe((await sandbox.admin.stats()).payment_intents);
    const last = await sandbox.stripe.paymentIntents.list({
      limit: 3,
      starting_after: seen.at(-1) as string,
    });
    expect(last).toMatchObject({ data: [], has_more: false });
  });

  test('are bounded by time, and expand', async () => {
    const intent = await charge();
    const at = intent.created;
    const listed = async (created: object) =>
      (
        await sandbox.stripe.paymentIntents.list({
          created,
          limit: 100,
          expand: ['data.latest_charge'],
        })
      ).data.filter(({ id }) => id === intent.id);
    expect(await listed({ gte: at, lte: at })).toMatchObject([
      { latest_charge: { object: 'charge' } },
    ]);
    expect(await listed({ gt: at })).toEqual([]);
    expect(await listed({ lt: at })).toEqual([]);
    expect(await listed({ gt: at - 1, lt: at + 1 })).toHaveLength(1);
  });

  test('of customers are found by e-mail', async () => {
    const { id } = await sandbox.stripe.customers.create({
      email: 'only@example.org',
      metadata: { donor_id: 'dnr_1' },
    });
    expect((await sandbox.stripe.customers.list({ email: 'only@example.org' })).data).toMatchObject(
      [{ id, metadata: { donor_id: 'dnr_1' } }],
    );
    expect((await sandbox.stripe.customers.list({ email: 'none@example.org' })).data).toEqual([]);
  });

  test('refuse a limit out of range', async () => {
    expect(await failureOf(sandbox.stripe.paymentIntents.list({ limit: 101 }))).toMatchObject({
      param: 'limit',
    });
  });
});

test('a parameter may have any name', async () => {
  const response = await fetch(`${sandbox.server.url}/v1/customers`, {
    method: 'POST',
    headers: { Authorization: 'Bearer sk_test_sandbox' },
    body: '__proto__[polluted]=yes',
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { code: 'parameter_unknown' } });
  expect({}).not.toHaveProperty('polluted');
});

test('an intent can be made first and confirmed later', async () => {
  const intent = await charge({
    confirm: undefined,
    payment_method: undefined,
    error_on_requires_action: undefined,
  });
  expect(intent.status).toBe('requires_payment_method');
  const confirmed = await sandbox.stripe.paymentIntents.confirm(intent.id, {
    payment_method: 'pm_card_visa',
  });
  expect(confirmed.status).toBe('succeeded');
  expect(await failureOf(sandbox.stripe.paymentIntents.confirm(intent.id))).toMatchObject({
    code: 'payment_intent_unexpected_state',
  });
});
