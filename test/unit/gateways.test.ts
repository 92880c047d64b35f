import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ProviderError } from '../../src/lib/providers/errors.ts';
import { sendgridGateway } from '../../src/lib/providers/sendgrid.ts';
import { stripeGateway } from '../../src/lib/providers/stripe.ts';
import {
  answer,
  type Behaviour,
  type MisbehavingServer,
  misbehavingServer,
} from '../support/misbehaving.ts';

let server: MisbehavingServer;
beforeEach(async () => {
  server = await misbehavingServer();
});
afterEach(() => server.close());

const said = () => server.requests.map(({ method, path }) => `${method} ${path.split('?')[0]}`);
const key = (index: number) => server.requests[index]?.headers['idempotency-key'];
const ok = (body: object, headers = {}) => answer(200, headers, body);
const error = (status: number, body: object, headers = {}) =>
  answer(status, headers, { error: { type: 'invalid_request_error', message: 'no', ...body } });
const replayed = error(500, {}, { 'Idempotent-Replayed': 'true' });

describe('Stripe', () => {
  const gateway = () =>
    stripeGateway({ secretKey: 'sk_test_1', apiBase: server.url, timeoutMs: 2000 });
  const create = (paymentMethod = 'pm_card_visa') =>
    gateway().createPayment({
      donationId: 'don_1',
      amount: { minor: 5000n, currency: 'usd' },
      paymentMethod,
      description: 'Donation don_1',
    });
  const confirm = () => gateway().confirmPayment('pi_1');
  const intent = (fields: object = {}) => ({
    id: 'pi_1',
    object: 'payment_intent',
    status: 'succeeded',
    payment_method: 'pm_1',
    metadata: { donation_id: 'don_1' },
    latest_charge: {
      id: 'ch_1',
      object: 'charge',
      payment_method_details: {
        card: { brand: 'visa', last4: '4242', exp_month: 4, exp_year: 2030 },
      },
    },
    ...fields,
  });

  test('a payment is created unconfirmed', async () => {
    server.script(ok(intent({ status: 'requires_confirmation' }), { 'Request-Id': 'req_1' }));
    expect(await create()).toEqual({ paymentIntentId: 'pi_1', requestId: 'req_1' });
    expect(said()).toEqual(['POST /v1/payment_intents']);
    const [request] = server.requests;
    expect(request?.headers).toMatchObject({
      authorization: 'Bearer sk_test_1',
      'idempotency-key': 'payment:don_1',
    });
    expect(Object.fromEntries(new URLSearchParams(request?.body))).toEqual({
      amount: '5000',
      currency: 'usd',
      payment_method: 'pm_card_visa',
      setup_future_usage: 'off_session',
      'automatic_payment_methods[enabled]': 'true',
      'automatic_payment_methods[allow_redirects]': 'never',
      description: 'Donation don_1',
      'metadata[donation_id]': 'don_1',
    });
  });

  test('a payment is confirmed by its id', async () => {
    server.script(ok(intent(), { 'Request-Id': 'req_1' }));
    expect(await confirm()).toEqual({
      status: 'succeeded',
      paymentIntentId: 'pi_1',
      paymentMethodId: 'pm_1',
      card: { brand: 'visa', last4: '4242', expMonth: 4, expYear: 2030 },
      refundedMinor: 0n,
      requestId: 'req_1',
    });
    expect(said()).toEqual(['POST /v1/payment_intents/pi_1/confirm']);
    expect(Object.fromEntries(new URLSearchParams(server.requests[0]?.body))).toEqual({
      error_on_requires_action: 'true',
      'expand[0]': 'latest_charge',
    });
  });

  test.each([
    [400, 'payment_intent_unexpected_state'],
    [409, 'lock_timeout'],
    [429, 'lock_timeout'],
  ])('a confirmation that is answered %i %s asks what the payment is now', async (status, code) => {
    server.script(error(status, { code }), ok(intent()));
    expect(await confirm()).toMatchObject({ status: 'succeeded', paymentIntentId: 'pi_1' });
    expect(said()).toEqual([
      'POST /v1/payment_intents/pi_1/confirm',
      expect.stringMatching(/^GET \/v1\/payment_intents\/pi_1/),
    ]);
  });

  test('a payment too late to be cancelled is told as it is', async () => {
    server.script(error(400, { code: 'payment_intent_unexpected_state' }), ok(intent()));
    expect(await gateway().cancelPayment('pi_1')).toMatchObject({ status: 'succeeded' });
  });

  test('a token is made a PaymentMethod first', async () => {
    server.script(ok({ id: 'pm_of_token', object: 'payment_method' }), ok(intent()));
    await create('tok_visa');
    expect(said()).toEqual(['POST /v1/payment_methods', 'POST /v1/payment_intents']);
    expect(key(0)).toBe('method:don_1');
    expect(server.requests[1]?.body).toContain('payment_method=pm_of_token');
  });

  test('a decline is an answer', async () => {
    server.script(
      error(402, {
        type: 'card_error',
        code: 'card_declined',
        decline_code: 'insufficient_funds',
        message: 'Your card has insufficient funds.',
      }),
    );
    expect(await confirm()).toMatchObject({
      status: 'declined',
      declineCode: 'insufficient_funds',
      paymentIntentId: 'pi_1',
      message: 'Your card has insufficient funds.',
    });
  });

  test.each([
    ['requires_action', 'requires_action'],
    ['processing', 'processing'],
    ['requires_capture', 'processing'],
    ['some_new_status', 'processing'],
    ['requires_payment_method', 'declined'],
    ['canceled', 'canceled'],
    ['requires_confirmation', 'unconfirmed'],
  ])('a PaymentIntent that is %s is %s', async (status, expected) => {
    server.script(ok(intent({ status })));
    expect(await confirm()).toMatchObject({ status: expected, paymentIntentId: 'pi_1' });
  });

  test.each([
    [200, {}],
    [200, []],
    [200, 'null'],
    [502, { message: 'Bad gateway' }],
    [200, { object: 'balance' }],
  ])('the answer %i %j decides nothing', async (status, body) => {
    server.script(answer(status, {}, body));
    await expect(confirm()).rejects.toMatchObject({
      errorClass: 'transient',
      code: 'unreadable_answer',
    });
  });

  describe('createCustomer', () => {
    const create = () =>
      gateway().createCustomer({ id: 'donor_1', name: 'Jane', email: 'jane@example.org' });
    const list = (...data: object[]) => ok({ object: 'list', data, has_more: false });
    const customer = ok({ id: 'cus_1', object: 'customer' });

    test('makes one', async () => {
      server.script(list({ id: 'cus_2', metadata: { donor_id: 'donor_2' } }), customer);
      expect(await create()).toMatchObject({ customerId: 'cus_1' });
      expect(said()).toEqual(['GET /v1/customers', 'POST /v1/customers']);
      expect(key(1)).toBe('customer:donor_1');
    });

    test('finds the one made before', async () => {
      server.script(list({ id: 'cus_2', metadata: { donor_id: 'donor_1' } }));
      expect(await create()).toMatchObject({ customerId: 'cus_2' });
      expect(said()).toEqual(['GET /v1/customers']);
    });

    test('gives up a key under which only a failure is stored', async () => {
      server.script(list(), replayed, customer);
      expect(await create()).toMatchObject({ customerId: 'cus_1' });
      expect(key(2)).not.toBe(key(1));
    });
  });

  describe('attachCard', () => {
    const attach = () =>
      gateway().attachCard({ donationId: 'don_1', paymentMethodId: 'pm_1', customerId: 'cus_1' });
    const method = (customer: string | null) =>
      ok(
        {
          id: 'pm_1',
          object: 'payment_method',
          customer,
          card: { brand: 'visa', last4: '4242', exp_month: 4, exp_year: 2030 },
        },
        { 'Request-Id': 'req_1' },
      );
    const customer = ok({ id: 'cus_1', object: 'customer' }, { 'Request-Id': 'req_2' });

    test('attaches the card and makes it the default', async () => {
      server.script(method('cus_1'), customer);
      expect(await attach()).toEqual({
        card: { brand: 'visa', last4: '4242', expMonth: 4, expYear: 2030 },
        requestId: 'req_2',
      });
      expect(said()).toEqual(['POST /v1/payment_methods/pm_1/attach', 'POST /v1/customers/cus_1']);
      expect([key(0), key(1)]).toEqual(['attach:don_1', 'default:don_1']);
      // It would tell of the request before.
      expect(server.requests[1]?.headers).not.toHaveProperty('x-stripe-client-telemetry');
      expect(server.requests[1]?.body).toBe('invoice_settings[default_payment_method]=pm_1');
    });

    test('attached already to the same Customer is success', async () => {
      server.script(
        error(400, { code: 'payment_method_unexpected_state' }),
        method('cus_1'),
        customer,
      );
      expect(await attach()).toMatchObject({ card: { last4: '4242' } });
    });

    test.each<[string, string | null]>([
      ['attached to another Customer', 'cus_2'],
      ['not attachable any more', null],
    ])('%s fails for good', async (_name, owner) => {
      server.script(
        error(400, { message: 'previously used without Customer attachment' }),
        method(owner),
      );
      await expect(attach()).rejects.toMatchObject({
        errorClass: 'permanent',
        message: 'Stripe refused the request (400): previously used without Customer attachment',
      });
    });

    test('a replayed failure does not stand in the way', async () => {
      server.script(replayed, method('cus_1'), replayed, customer);
      expect(await attach()).toMatchObject({ requestId: 'req_2' });
    });
  });

  test('ping tells the mode and the time', async () => {
    const date = 'Mon, 23 Nov 2026 12:00:00 GMT';
    server.script(ok({ object: 'balance', livemode: false }, { Date: date }));
    expect(await gateway().ping()).toEqual({ livemode: false, serverTime: new Date(date) });
    server.script(error(401, {}));
    await expect(gateway().ping()).rejects.toBeInstanceOf(ProviderError);
  });
});

describe('SendGrid', () => {
  const gateway = () => sendgridGateway({ apiKey: 'SG.1', apiBase: server.url, timeoutMs: 2000 });
  const accept: Behaviour = answer(202, { 'X-Message-Id': 'msg_1' });
  const message = () => ({
    from: { email: 'receipts@charity.example', name: 'Charité “Ü”' },
    replyTo: { email: 'office@charity.example', name: 'Office' },
    to: { email: 'jane@example.org', name: 'Jane, "J"' },
    subject: 'Receipt {{n}}',
    text: 'plain',
    html: '<p>rich</p>',
    template: undefined,
    customArgs: { donation_id: 'don_1', receiptId: 'rec_1' },
    categories: ['receipt'],
  });
  const body = () => JSON.parse(server.requests.at(-1)?.body ?? '');

  test('a mail is handed over as it must be', async () => {
    server.script(accept);
    expect(await gateway().send(message())).toEqual({ messageId: 'msg_1', httpStatus: 202 });
    expect(said()).toEqual(['POST /v3/mail/send']);
    expect(server.requests[0]?.headers.authorization).toBe('Bearer SG.1');
    expect(body()).toEqual({
      from: { email: 'receipts@charity.example', name: 'Charité “Ü”' },
      reply_to: { email: 'office@charity.example', name: 'Office' },
      personalizations: [{ to: [{ email: 'jane@example.org', name: 'Jane, "J"' }] }],
      subject: 'Receipt {{n}}',
      content: [
        { type: 'text/plain', value: 'plain' },
        { type: 'text/html', value: '<p>rich</p>' },
      ],
      custom_args: { donation_id: 'don_1', receiptId: 'rec_1' },
      categories: ['receipt'],
    });
  });

  test('a dynamic template takes the place of the content, its data untouched', async () => {
    server.script(accept);
    const data = { donorName: 'Jane', nested_key: { camelKey: [1] } };
    await gateway().send({ ...message(), replyTo: undefined, template: { id: 'd-1', data } });
    expect(body()).toMatchObject({
      template_id: 'd-1',
      personalizations: [{ dynamic_template_data: data }],
    });
    for (const absent of ['content', 'subject', 'reply_to'])
      expect(body()).not.toHaveProperty(absent);
  });

  test('the message given is left as it was', async () => {
    server.script(accept);
    const given = message();
    await gateway().send(given);
    expect(given).toEqual(message());
  });

  test('ping tells the scopes and the time', async () => {
    const date = 'Mon, 23 Nov 2026 12:00:00 GMT';
    server.script(ok({ scopes: ['mail.send'] }, { Date: date }));
    expect(await gateway().ping()).toEqual({ scopes: ['mail.send'], serverTime: new Date(date) });
    expect(said()).toEqual(['GET /v3/scopes']);
    server.script(answer(401, {}, { errors: [{ message: 'authorization required' }] }));
    await expect(gateway().ping()).rejects.toMatchObject({ errorClass: 'misconfigured' });
  });
});
