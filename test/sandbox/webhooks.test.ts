import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EventWebhook, EventWebhookHeader } from '@sendgrid/eventwebhook';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { chargeParams, failureOf, mail, type TestSandbox, testSandbox } from './harness.ts';

interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

let sandbox: TestSandbox;
let receiver: Server;
let base: string;
let received: Received[] = [];
/** The statuses of the next answers; 204 when there are none left. */
let statuses: number[] = [];

beforeAll(async () => {
  sandbox = await testSandbox();
  receiver = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    received.push({ path: request.url ?? '', headers: request.headers, body });
    response.writeHead(statuses.shift() ?? 204).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  await sandbox.admin.setWebhooks({ stripeUrl: `${base}/stripe`, sendgridUrl: `${base}/sendgrid` });
});
beforeEach(async () => {
  // The receiver has an event before the sandbox knows it; the statuses are for this test's events.
  await expect.poll(async () => (await sandbox.admin.stats()).webhooks_pending).toBe(0);
  received = [];
  statuses = [];
});
afterAll(async () => {
  await sandbox.close();
  receiver.close();
});

const events = () =>
  received.flatMap(({ path, body }) => (path === '/sendgrid' ? JSON.parse(body) : []));
const eventsOf = (email: string) => events().filter((event) => event.email === email);

test("a mail's events carry its custom arguments and SendGrid's signature", async () => {
  const customArgs = { receipt_id: 'rcp_1', donation_id: 'don_1' };
  const [{ headers }] = await sandbox.mailer.send(mail({ to: 'one@example.org', customArgs }));
  await expect
    .poll(() => eventsOf('one@example.org').map(({ event }) => event))
    .toEqual(['processed', 'delivered']);
  for (const event of eventsOf('one@example.org')) {
    expect(event).toMatchObject({
      ...customArgs,
      sg_event_id: expect.any(String),
      timestamp: expect.any(Number),
    });
    expect(event.sg_message_id).toMatch(new RegExp(`^${headers['x-message-id']}\\.`));
  }
  const { sendgridPublicKey } = await sandbox.admin.webhooks();
  const verifier = new EventWebhook();
  const key = verifier.convertPublicKeyToECDSA(sendgridPublicKey);
  const { headers: signed, body } = received[0] as Received;
  const signature = signed[EventWebhookHeader.SIGNATURE().toLowerCase()] as string;
  const timestamp = signed[EventWebhookHeader.TIMESTAMP().toLowerCase()] as string;
  expect(verifier.verifySignature(key, body, signature, timestamp)).toBe(true);
  expect(verifier.verifySignature(key, body.replace('rcp_1', 'rcp_2'), signature, timestamp)).toBe(
    false,
  );
  expect(verifier.verifySignature(key, body, signature, String(Number(timestamp) + 1))).toBe(false);
});

test.each([
  ['bounce@example.org', ['processed', 'bounce']],
  ['dropped@example.org', ['dropped']],
  ['deferred@example.org', ['processed', 'deferred', 'delivered']],
  ['spam@example.org', ['processed', 'delivered', 'spamreport']],
])('mail to %s ends otherwise', async (to, expected) => {
  await sandbox.mailer.send(mail({ to }));
  await expect.poll(() => eventsOf(to).map(({ event }) => event)).toEqual(expected);
});

test('payment events have signatures that constructEvent accepts', async () => {
  const { stripeSecret } = await sandbox.admin.webhooks();
  const { id } = await sandbox.stripe.paymentIntents.create(
    chargeParams({ metadata: { donation_id: 'don_2' } }),
  );
  await failureOf(
    sandbox.stripe.paymentIntents.create(
      chargeParams({ payment_method: 'pm_card_chargeDeclined' }),
    ),
  );
  const stripeEvents = () =>
    received
      .filter(({ path }) => path === '/stripe')
      .map(({ body, headers }) =>
        sandbox.stripe.webhooks.constructEvent(
          body,
          headers['stripe-signature'] as string,
          stripeSecret,
        ),
      );
  await expect
    .poll(() =>
      stripeEvents()
        .map(({ type }) => type)
        .sort(),
    )
    .toEqual(['payment_intent.payment_failed', 'payment_intent.succeeded']);
  const succeeded = stripeEvents().find(({ type }) => type === 'payment_intent.succeeded');
  expect(succeeded).toMatchObject({
    object: 'event',
    livemode: false,
    data: { object: { id, metadata: { donation_id: 'don_2' } } },
  });
  const { body, headers } = received[0] as Received;
  expect(() =>
    sandbox.stripe.webhooks.constructEvent(
      `${body} `,
      headers['stripe-signature'] as string,
      stripeSecret,
    ),
  ).toThrow('signature');
});

test('changes of a payment are announced: confirmed, refunded, cancelled', async () => {
  const { confirm: _confirm, error_on_requires_action: _error, ...unconfirmed } = chargeParams();
  const create = (donation_id: string, payment_method = 'pm_card_visa') =>
    sandbox.stripe.paymentIntents.create({
      ...unconfirmed,
      payment_method,
      metadata: { donation_id },
    });
  const paid = await create('don_paid');
  await sandbox.stripe.paymentIntents.confirm(paid.id);
  await sandbox.admin.refund(paid.id, 1200n);
  const declined = await create('don_declined', 'pm_card_chargeDeclined');
  await failureOf(sandbox.stripe.paymentIntents.confirm(declined.id));
  await sandbox.stripe.paymentIntents.cancel(declined.id);
  const told = () =>
    received
      .map(({ body }) => JSON.parse(body))
      .map(({ type, data: { object } }) => `${object.metadata.donation_id} ${type}`)
      .sort();
  await expect
    .poll(told)
    .toEqual([
      'don_declined payment_intent.canceled',
      'don_declined payment_intent.payment_failed',
      'don_paid charge.refunded',
      'don_paid payment_intent.succeeded',
    ]);
  const refunded = received
    .map(({ body }) => JSON.parse(body))
    .find(({ type }) => type === 'charge.refunded');
  expect(refunded.data.object).toMatchObject({
    object: 'charge',
    payment_intent: paid.id,
    amount_refunded: 1200,
    refunded: false,
  });
});

test('a replayed charge is announced once', async () => {
  for (let i = 0; i < 2; i++) {
    await sandbox.stripe.paymentIntents.create(chargeParams(), { idempotencyKey: 'once' });
  }
  await expect.poll(async () => (await sandbox.admin.stats()).webhooks_pending).toBe(0);
  expect(received).toHaveLength(1);
});

test('an event is sent again until the receiver takes it', async () => {
  statuses = [500, 302];
  await sandbox.mailer.send(mail({ to: 'again@example.org' }));
  await expect
    .poll(async () => (await sandbox.admin.stats()).webhooks_pending, { timeout: 10_000 })
    .toBe(0);
  expect(received).toHaveLength(3);
  expect(new Set(received.map(({ body }) => body)).size).toBe(1);
});

test('nothing is sent, or kept, without a URL', async () => {
  await sandbox.admin.setWebhooks({ sendgridUrl: null });
  await sandbox.mailer.send(mail({ to: 'silent@example.org' }));
  expect((await sandbox.admin.stats()).webhooks_pending).toBe(0);
  expect(await sandbox.admin.webhooks()).toMatchObject({
    sendgridUrl: null,
    stripeUrl: `${base}/stripe`,
  });
});
