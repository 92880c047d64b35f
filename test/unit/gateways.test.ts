import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ProviderError } from '../../src/lib/providers/errors.ts';
import { sendgridGateway } from '../../src/lib/providers/sendgrid.ts';
import { stripeGateway } from '../../src/lib/providers/stripe.ts';
import {
  answer,
  type Behaviour,
  earlyHints,
  type MisbehavingServer,
  misbehavingServer,
  resetAfterReading,
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

  test.each([
    [200, {}],
    [200, []],
    [200, 'null'],
    [502, { message: 'Bad gateway' }],
    [200, { object: 'balance' }],
  ])('the answer %i %j decides nothing', async (status, body) => {
    server.script(answer(status, {}, body));
    await expect(gateway().confirmPayment('pi_1')).rejects.toMatchObject({
      errorClass: 'transient',
      code: 'unreadable_answer',
    });
  });

  describe('a payment confirmed by id', () => {
    const create = (paymentMethod = 'pm_card_visa') =>
      gateway().createPayment({
        donationId: 'don_1',
        amount: { minor: 5000n, currency: 'usd' },
        paymentMethod,
        description: 'Donation don_1',
      });
    const created = ok(intent({ status: 'requires_confirmation', latest_charge: null }), {
      'Request-Id': 'req_1',
    });
    const form = (index: number) =>
      Object.fromEntries(new URLSearchParams(server.requests[index]?.body));

    test('is created without a confirmation', async () => {
      server.script(created);
      expect(await create()).toEqual({ paymentIntentId: 'pi_1', requestId: 'req_1' });
      expect(said()).toEqual(['POST /v1/payment_intents']);
      expect(key(0)).toBe('payment:don_1');
      expect(form(0)).toEqual({
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

    test.each([
      ['a stored failure', replayed],
      ['the key of another card', error(400, { type: 'idempotency_error' })],
    ])('is created anew after %s', async (_what, first) => {
      server.script(first, created);
      expect(await create()).toMatchObject({ paymentIntentId: 'pi_1' });
      expect(said()).toEqual(['POST /v1/payment_intents', 'POST /v1/payment_intents']);
      expect(key(1)).not.toBe('payment:don_1');
      expect(server.requests[1]?.body).toBe(server.requests[0]?.body);
    });

    test('is not created anew after a failure that is not a stored one', async () => {
      server.script(error(500, {}), created);
      await expect(create()).rejects.toMatchObject({ errorClass: 'transient', httpStatus: 500 });
      server.script(error(400, { code: 'resource_missing' }), created);
      await expect(create()).rejects.toMatchObject({ errorClass: 'permanent' });
    });

    test('is created from a token, whose failure was stored too', async () => {
      server.script(replayed, ok({ id: 'pm_of_token', object: 'payment_method' }), created);
      await create('tok_visa');
      expect(said()).toEqual([
        'POST /v1/payment_methods',
        'POST /v1/payment_methods',
        'POST /v1/payment_intents',
      ]);
      expect(form(2).payment_method).toBe('pm_of_token');
    });

    test('is confirmed without the donor present', async () => {
      server.script(ok(intent(), { 'Request-Id': 'req_2' }));
      expect(await gateway().confirmPayment('pi_1')).toEqual({
        status: 'succeeded',
        paymentIntentId: 'pi_1',
        paymentMethodId: 'pm_1',
        card: { brand: 'visa', last4: '4242', expMonth: 4, expYear: 2030 },
        refundedMinor: 0n,
        requestId: 'req_2',
      });
      expect(said()).toEqual(['POST /v1/payment_intents/pi_1/confirm']);
      expect(form(0)).toEqual({ error_on_requires_action: 'true', 'expand[0]': 'latest_charge' });
    });

    test('is declined by a 402', async () => {
      server.script(
        error(402, {
          type: 'card_error',
          code: 'card_declined',
          decline_code: 'insufficient_funds',
          message: 'Your card has insufficient funds.',
        }),
      );
      expect(await gateway().confirmPayment('pi_1')).toMatchObject({
        status: 'declined',
        paymentIntentId: 'pi_1',
        declineCode: 'insufficient_funds',
        message: 'Your card has insufficient funds.',
      });
    });

    const elsewhere: [string, Behaviour][] = [
      ['in another state', error(400, { code: 'payment_intent_unexpected_state' })],
      ['held by another request', error(429, { code: 'lock_timeout' })],
      ['held by another request, as older versions say it', error(409, { code: 'lock_timeout' })],
    ];
    test.each(elsewhere)('%s is asked what it is now', async (_what, refusal) => {
      server.script(refusal, ok(intent()));
      expect(await gateway().confirmPayment('pi_1')).toMatchObject({ status: 'succeeded' });
      server.script(refusal, ok(intent({ status: 'canceled' })));
      expect(await gateway().cancelPayment('pi_1')).toMatchObject({ status: 'canceled' });
      expect(said()).toEqual([
        'POST /v1/payment_intents/pi_1/confirm',
        'GET /v1/payment_intents/pi_1',
        'POST /v1/payment_intents/pi_1/cancel',
        'GET /v1/payment_intents/pi_1',
      ]);
      expect(server.requests[1]?.path).toContain('latest_charge');
    });

    test.each<[string, Behaviour, object]>([
      ['no answer', resetAfterReading, { errorClass: 'transient', providerDown: true }],
      ['a failure', error(500, {}), { errorClass: 'transient' }],
      ['a stored failure', replayed, { errorClass: 'transient', code: 'replayed_500' }],
      ["a proxy's page", answer(200, {}, '<html>'), { code: 'unreadable_answer' }],
      ['too many requests', error(429, { code: 'rate_limit' }), { errorClass: 'rate_limited' }],
      ['no such payment', error(404, { code: 'resource_missing' }), { errorClass: 'permanent' }],
      ['a refused key', error(401, {}), { errorClass: 'misconfigured' }],
    ])('decides nothing by %s', async (_what, behaviour, expected) => {
      server.script(behaviour);
      for (const ask of ['confirmPayment', 'retrievePayment', 'cancelPayment'] as const)
        await expect(gateway()[ask]('pi_1')).rejects.toMatchObject(expected);
    });

    test.each<[string, object, object]>([
      ['requires_confirmation', {}, { status: 'unconfirmed' }],
      ['requires_action', {}, { status: 'requires_action' }],
      ['processing', {}, { status: 'processing' }],
      ['requires_capture', {}, { status: 'processing' }],
      ['some_new_status', {}, { status: 'processing' }],
      ['canceled', {}, { status: 'canceled' }],
      [
        'requires_payment_method',
        { last_payment_error: { code: 'card_declined', decline_code: 'lost_card', message: 'no' } },
        { status: 'declined', declineCode: 'lost_card', message: 'no' },
      ],
      [
        'requires_payment_method',
        { last_payment_error: null },
        { status: 'declined', declineCode: 'requires_payment_method' },
      ],
      [
        'succeeded',
        { latest_charge: { id: 'ch_1', object: 'charge', amount_refunded: 1200 } },
        { status: 'succeeded', refundedMinor: 1200n },
      ],
    ])('that is %s %j', async (status, fields, expected) => {
      server.script(ok(intent({ status, ...fields })));
      expect(await gateway().retrievePayment('pi_1')).toMatchObject(expected);
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

    test('makes one for a donor without an address', async () => {
      server.script(customer);
      expect(
        await gateway().createCustomer({ id: 'donor_1', name: 'Jane', email: undefined }),
      ).toMatchObject({ customerId: 'cus_1' });
      expect(said()).toEqual(['POST /v1/customers']);
      expect(server.requests[0]?.body).not.toContain('email');
    });

    test('finds the one made before', async () => {
      server.script(list({ id: 'cus_2', metadata: { donor_id: 'donor_1' } }));
      expect(await create()).toMatchObject({ customerId: 'cus_2' });
      expect(said()).toEqual(['GET /v1/customers']);
    });

    test('repeats without a key that only has a stored failure', async () => {
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
      // It would report on the previous request.
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

    test('a replayed failure does not prevent it', async () => {
      server.script(replayed, method('cus_1'), replayed, customer);
      expect(await attach()).toMatchObject({ requestId: 'req_2' });
    });
  });

  test('ping returns the mode and the time', async () => {
    const date = 'Mon, 23 Nov 2026 12:00:00 GMT';
    const list = (...data: object[]) => ok({ object: 'list', data }, { Date: date });
    server.script(list());
    expect(await gateway().ping()).toEqual({ livemode: false, serverTime: new Date(date) });
    server.script(list({ livemode: true }));
    expect(await gateway().ping()).toMatchObject({ livemode: true });
    for (const [secretKey, livemode] of [
      ['rk_live_1', true],
      ['sk_live_1', true],
      ['rk_test_1', false],
    ] as const) {
      server.script(list());
      const other = stripeGateway({ secretKey, apiBase: server.url, timeoutMs: 2000 });
      expect(await other.ping()).toMatchObject({ livemode });
    }
    server.script(error(401, {}));
    await expect(gateway().ping()).rejects.toBeInstanceOf(ProviderError);
  });

  test('ping asks for the rights that are needed, and for no other', async () => {
    const path = (at: number) => new URL(server.requests[at]?.path ?? '', 'http://x').pathname;
    server.script(ok({ object: 'list', data: [] }));
    await gateway().ping();
    await gateway().ping('customers');
    expect([path(0), path(1)]).toEqual(['/v1/payment_intents', '/v1/customers']);
    expect(server.requests).toHaveLength(2);
    server.script(error(403, { message: 'Having the permission would allow this request.' }));
    await expect(gateway().ping('customers')).rejects.toMatchObject({
      errorClass: 'misconfigured',
    });
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

  test('a mail is sent with all its fields', async () => {
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

  test('names with apostrophes in such data give no warning on the terminal', async () => {
    server.script(accept);
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    await gateway().send({
      ...message(),
      template: { id: 'd-1', data: { name: 'Jane O’Brien & "J"' } },
    });
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  test('a file is attached', async () => {
    server.script(accept);
    const file = { filename: 'receipt.pdf', type: 'application/pdf', content: Buffer.from('%PDF') };
    await gateway().send({ ...message(), attachments: [file] });
    expect(body()).toMatchObject({
      content: [{ type: 'text/plain' }, { type: 'text/html' }],
      attachments: [{ ...file, content: 'JVBERg==', disposition: 'attachment' }],
    });
  });

  test.each([
    ['end with a slash', '/', '/v3/mail/send'],
    ['have a path', '/mail/', '/mail/v3/mail/send'],
  ])('the address of the API may %s', async (_, path, asked) => {
    server.script(accept);
    const options = { apiKey: 'SG.1', apiBase: server.url + path, timeoutMs: 2000 };
    await sendgridGateway(options).send(message());
    expect(said()).toEqual([`POST ${asked}`]);
  });

  test('an informational answer is not the answer', async () => {
    server.script(earlyHints(accept));
    expect(await gateway().send(message())).toEqual({ messageId: 'msg_1', httpStatus: 202 });
  });

  test('the message given is left as it was', async () => {
    server.script(accept);
    const given = message();
    await gateway().send(given);
    expect(given).toEqual(message());
  });

  test('ping returns the scopes and the time', async () => {
    const date = 'Mon, 23 Nov 2026 12:00:00 GMT';
    server.script(ok({ scopes: ['mail.send'] }, { Date: date }));
    expect(await gateway().ping()).toEqual({ scopes: ['mail.send'], serverTime: new Date(date) });
    expect(said()).toEqual(['GET /v3/scopes']);
    server.script(answer(401, {}, { errors: [{ message: 'authorization required' }] }));
    await expect(gateway().ping()).rejects.toMatchObject({ errorClass: 'misconfigured' });
  });

  test('ping fails without the right to send mail', async () => {
    server.script(ok({ scopes: ['user.profile.read'] }));
    await expect(gateway().ping()).rejects.toMatchObject({
      errorClass: 'misconfigured',
      code: 'no_mail_send',
      message: expect.stringContaining('may not send mail'),
    });
  });

  describe('ping, where the sender is known,', () => {
    const sender = { email: 'receipts@charity.example', name: 'Charity' };
    const scopes = ok({ scopes: ['mail.send'] });
    const ping = () =>
      sendgridGateway({ apiKey: 'SG.1', apiBase: server.url, timeoutMs: 2000, sender }).ping();

    test('asks with a mail that is never sent', async () => {
      server.script(scopes, answer(200, {}));
      expect(await ping()).toMatchObject({ scopes: ['mail.send'] });
      expect(said()).toEqual(['GET /v3/scopes', 'POST /v3/mail/send']);
      expect(body()).toMatchObject({
        from: sender,
        personalizations: [{ to: [sender] }],
        mail_settings: { sandbox_mode: { enable: true } },
      });
    });

    test('fails while the sender alone is refused', async () => {
      const message = 'The from address does not match a verified Sender Identity.';
      server.script(scopes, answer(403, {}, { errors: [{ message, field: 'from' }] }));
      await expect(ping()).rejects.toMatchObject({
        errorClass: 'misconfigured',
        httpStatus: 403,
        message: expect.stringContaining(message),
      });
    });

    test('changes nothing when no answer comes', async () => {
      server.script(scopes, resetAfterReading);
      await expect(ping()).rejects.toMatchObject({ errorClass: 'transient' });
    });
  });
});
