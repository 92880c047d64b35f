import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { type Db, openDb } from '../../src/lib/db/database.ts';
import { sendgridSignatures } from '../../src/lib/providers/sendgrid-events.ts';
import { settleProved } from '../../src/lib/receipts/evidence.ts';
import { sendgridWebhook } from '../../src/lib/webhooks/sendgrid-events.ts';
import { startWebhookServer, type WebhookServer } from '../../src/lib/webhooks/server.ts';
import { stripeWebhook } from '../../src/lib/webhooks/stripe-events.ts';
import { donateInBackground } from '../support/donate.ts';
import { gift, type System, startSystem } from '../support/system.ts';
import {
  cuttable,
  deliveryOf,
  hold,
  mailSigner,
  post,
  sendingDelivery,
  stripeHeaders,
} from './harness.ts';

const SECRET = 'whsec_test';
const signer = mailSigner();
let system: System;
let way: Awaited<ReturnType<typeof cuttable>>;
let listening: Db;
let server: WebhookServer;
let log = '';
let mails: string;
let payments: string;

beforeAll(async () => {
  system = await startSystem();
  way = await cuttable(new URL(system.env.DATABASE_URL as string));
  listening = openDb({ url: way.url, applicationName: 'listener' });
  const write = (line: string) => {
    log += line;
  };
  const logger = pino({ level: 'trace' }, { write });
  const deps = { db: listening, log: logger, clock: systemClock };
  server = await startWebhookServer({
    telemetry: undefined,
    host: '127.0.0.1',
    port: 0,
    log: logger,
    routes: {
      '/webhooks/sendgrid': sendgridWebhook({ ...deps, publicKey: signer.publicKey }),
      '/webhooks/stripe': stripeWebhook({ ...deps, secret: SECRET }),
    },
  });
  mails = `${server.url}/webhooks/sendgrid`;
  payments = `${server.url}/webhooks/stripe`;
});
beforeEach(() => {
  log = '';
});
afterAll(async () => {
  await server.close();
  await listening.close();
  way.close();
  await system.close();
});

const now = () => Math.floor(Date.now() / 1000);
const mailEvent = (rest: object) => ({
  email: 'secretive.donor@example.org',
  event: 'delivered',
  timestamp: now(),
  sg_event_id: randomUUID(),
  sg_message_id: 'abcDEF-_1.recvd-123-0',
  ...rest,
});
const postMails = (events: unknown) => {
  const body = typeof events === 'string' ? events : JSON.stringify(events);
  return post(mails, body, signer.headers(body));
};
const postPayment = (event: object) => {
  const body = JSON.stringify(event);
  return post(payments, body, stripeHeaders(SECRET, body));
};
const payment = (donation: string, rest: object = {}) => ({
  id: `evt_${randomUUID().replaceAll('-', '')}`,
  object: 'event',
  type: 'payment_intent.succeeded',
  data: { object: { object: 'payment_intent', metadata: { donation_id: donation } } },
  ...rest,
});
async function seen(): Promise<number> {
  const { rows } = await system.db.query<{ n: number }>(
    'select count(*)::int as n from donations.webhook_events',
  );
  return rows[0]?.n as number;
}
async function held() {
  const delivery = await sendingDelivery(system.deps);
  await hold(system.db, delivery.id);
  return delivery;
}

describe('a request from SendGrid', () => {
  it('is refused with 401 unless it is signed by SendGrid, now, over this body', async () => {
    const { id } = await held();
    const before = await seen();
    const body = JSON.stringify([mailEvent({ delivery_id: id })]);
    const good = signer.headers(body);
    const old = new Date(Date.now() - 8 * 24 * 60 * 60_000);
    expect(await post(mails, body)).toBe(401);
    expect(await post(mails, `${body} `, good)).toBe(401);
    expect(await post(mails, body, mailSigner().headers(body))).toBe(401);
    expect(await post(mails, body, signer.headers(body, old))).toBe(401);
    expect(
      await post(mails, body, {
        ...good,
        'X-Twilio-Email-Event-Webhook-Timestamp': String(now() + 1),
      }),
    ).toBe(401);
    for (const signature of ['', 'nonsense', 'MAYCAQACAQA=']) {
      expect(
        await post(mails, body, { ...good, 'X-Twilio-Email-Event-Webhook-Signature': signature }),
      ).toBe(401);
    }
    expect(await seen()).toBe(before);
    expect((await deliveryOf(system.db, id))?.status).toBe('held');
    expect(await post(mails, body, signer.headers(body, new Date(Date.now() - 9 * 60_000)))).toBe(
      200,
    );
    expect((await deliveryOf(system.db, id))?.status).toBe('accepted');
  });

  it('is refused when it is invalid, too large, or has another path', async () => {
    expect(await postMails('not JSON')).toBe(400);
    expect(await postMails({ event: 'delivered' })).toBe(400);
    expect(await post(mails, 'x'.repeat(3_000_000)).catch(() => 413)).toBe(413);
    expect((await fetch(mails)).status).toBe(405);
    expect(await post(`${server.url}/webhooks/other`, '')).toBe(404);
    expect(await post(`${server.url}/toString`, '')).toBe(404);
  });

  it.each(['processed', 'delivered', 'deferred', 'bounce', 'dropped', 'open', 'click'])(
    '%s proves that the mail was accepted: delivery accepted, job and verdict gone',
    async (event) => {
      const { id } = await held();
      const timestamp = now() - 60;
      expect(await postMails([mailEvent({ event, timestamp, delivery_id: id })])).toBe(200);
      expect(await deliveryOf(system.db, id)).toEqual({
        status: 'accepted',
        evidence: `SendGrid event ${event} at ${new Date(timestamp * 1000).toISOString()}`,
        message_id: 'abcDEF-_1',
        jobs: 0,
        verdicts: 0,
      });
      expect(log).not.toContain('secretive');
    },
  );

  it('names the delivery by its donation as well, if that has one only', async () => {
    const { id, donationId } = await held();
    expect(
      await postMails([mailEvent({ donation_id: donationId, sg_message_id: 'by.donation' })]),
    ).toBe(200);
    expect((await deliveryOf(system.db, id))?.status).toBe('accepted');
  });

  it('is applied once, however often it comes', async () => {
    const { id } = await held();
    const event = mailEvent({ delivery_id: id, sg_message_id: 'once.0' });
    const before = await seen();
    expect(await postMails([event, { ...event, sg_event_id: 'another' }])).toBe(200);
    const first = await deliveryOf(system.db, id);
    // As if a person had decided otherwise since: an event that was seen has no further effect.
    await system.db.query(
      `update donations.receipt_deliveries set evidence = 'untouched' where id = $1`,
      [id],
    );
    const again = await Promise.all(
      [1, 2, 3].map(() => postMails([{ ...event, sg_event_id: randomUUID() }])),
    );
    expect(again).toEqual([200, 200, 200]);
    expect(await seen()).toBe(before + 1);
    expect(await deliveryOf(system.db, id)).toEqual({ ...first, evidence: 'untouched' });
    const { rows } = await system.db.query(
      `select 1 from donations.webhook_events where row_to_json(webhook_events)::text ~ 'secretive'`,
    );
    expect(rows).toEqual([]);
  });

  it('accepts unknown and unusual events together with known ones', async () => {
    const { id } = await held();
    const odd = [
      null,
      7,
      {},
      mailEvent({ event: 'new\u0000kind' }),
      mailEvent({ sg_message_id: 'a\u0000b', delivery_id: id }),
    ];
    const foreign = [
      mailEvent({}),
      mailEvent({ delivery_id: "dlv_' or 1=1" }),
      mailEvent({ delivery_id: `dlv_${'0'.repeat(26)}` }),
    ];
    expect(
      await postMails([
        ...odd,
        ...foreign,
        mailEvent({ delivery_id: id, sg_message_id: 'known.0' }),
      ]),
    ).toBe(200);
    expect((await deliveryOf(system.db, id))?.status).toBe('accepted');
  });

  it('is taken whatever characters its texts have', async () => {
    const { id } = await held();
    const odd = (email: string, reason: string) =>
      mailEvent({ event: 'bounce', delivery_id: id, sg_message_id: 'odd.0', email, reason });
    expect(await postMails([odd('\u0000', 'no such \u0000 user')])).toBe(200);
    expect(await postMails([odd('ada\ud800@example.org', 'half a \ud800 letter')])).toBe(200);
    expect((await deliveryOf(system.db, id))?.status).toBe('accepted');
  });

  it('that comes before the delivery is held settles it when it is', async () => {
    const { id } = await sendingDelivery(system.deps);
    expect(await postMails([mailEvent({ delivery_id: id, sg_message_id: 'early.0' })])).toBe(200);
    expect((await deliveryOf(system.db, id))?.status).toBe('sending');
    expect(await settleProved(system.db)).toEqual([]);
    await hold(system.db, id);
    expect(await settleProved(system.db)).toEqual([id]);
    expect(await deliveryOf(system.db, id)).toMatchObject({
      status: 'accepted',
      evidence: expect.stringMatching(/^SendGrid event delivered at 20/),
      message_id: 'early',
      jobs: 0,
      verdicts: 0,
    });
    expect(await settleProved(system.db)).toEqual([]);
  });
});

it('a seen event has no effect, whatever has become of its delivery', async () => {
  const { id } = await sendingDelivery(system.deps);
  const event = mailEvent({ delivery_id: id, sg_message_id: 'seen.0' });
  expect(await postMails([event])).toBe(200);
  const forget = () =>
    system.db.query(
      'update donations.receipt_deliveries set evidence = null where id = $1 and evidence is not null',
      [id],
    );
  expect((await forget()).rowCount).toBe(1);
  expect(await postMails([{ ...event, sg_event_id: 'another' }])).toBe(200);
  expect((await forget()).rowCount).toBe(0);
});

it('a key that is none is a matter of configuration', () => {
  expect(() => sendgridSignatures('A'.repeat(120))).toThrow(
    'sendgrid.webhookPublicKey is not a verification key',
  );
});

describe('a request from Stripe', () => {
  it('is refused unless it is signed with our secret, now', async () => {
    const body = JSON.stringify(payment('don_1'));
    expect(await post(payments, body)).toBe(401);
    expect(await post(payments, `${body} `, stripeHeaders(SECRET, body))).toBe(401);
    expect(await post(payments, body, stripeHeaders('whsec_other', body))).toBe(401);
    expect(
      await post(payments, body, stripeHeaders(SECRET, body, new Date(Date.now() - 11 * 60_000))),
    ).toBe(401);
    expect(await post(payments, 'x', stripeHeaders(SECRET, 'x'))).toBe(400);
    expect(await postPayment({ id: 'evt_1', object: 'v2.core.event' })).toBe(400);
  });

  it('about an unsettled donation moves its repair job forward, once', async () => {
    const id = await donateInBackground(system.deps, gift());
    const event = payment(id, { type: 'payment_intent.payment_failed' });
    const job = async () =>
      (
        await system.db.query<{ n: number; due: boolean }>(
          `select count(*)::int as n, bool_and(run_at <= now()) as due from graphile_worker.jobs where key = $1`,
          [id],
        )
      ).rows[0];
    expect(await postPayment(event)).toBe(200);
    expect(await job()).toEqual({ n: 1, due: true });
    await system.db.query('select graphile_worker.remove_job($1)', [id]);
    expect(await postPayment(event)).toBe(200);
    expect((await job())?.n).toBe(0);
    // Another event is another reason to check.
    expect(await postPayment(payment(id))).toBe(200);
    expect((await job())?.n).toBe(1);
  });

  it('about anything else is taken and changes nothing', async () => {
    const { donationId } = await sendingDelivery(system.deps);
    for (const event of [
      payment(donationId),
      payment(`don_${'0'.repeat(26)}`),
      payment('nonsense'),
      payment(donationId, { type: 'charge.refunded' }),
    ]) {
      expect(await postPayment(event)).toBe(200);
    }
    expect(log).toContain('there is no such donation');
    const { rows } = await system.db.query('select 1 from graphile_worker.jobs where key = $1', [
      donationId,
    ]);
    expect(rows).toEqual([]);
  });
});

it('answers 503 while Postgres is away, and applies the event when it is sent again', async () => {
  const { id } = await held();
  const events = [mailEvent({ delivery_id: id, sg_message_id: 'away.0' })];
  const donation = await donateInBackground(system.deps, gift());
  const event = payment(donation);
  way.cut();
  expect(await postMails(events)).toBe(503);
  expect(await postPayment(event)).toBe(503);
  expect((await deliveryOf(system.db, id))?.status).toBe('held');
  way.mend();
  expect(await postMails(events)).toBe(200);
  expect(await postPayment(event)).toBe(200);
  expect((await deliveryOf(system.db, id))?.status).toBe('accepted');
});

it('an event whose effect failed is not seen: sent again, it is applied', async () => {
  const { id } = await held();
  const events = [mailEvent({ delivery_id: id, sg_message_id: 'failing.0' })];
  const { db } = system;
  await db.query(
    `create function refuse_for_a_test() returns trigger language plpgsql as $$ begin raise exception 'no, ada@example.org'; end $$`,
  );
  await db.query(
    'create trigger refuse before delete on donations.job_verdicts for each row execute function refuse_for_a_test()',
  );
  expect(await postMails(events)).toBe(500);
  expect(await deliveryOf(db, id)).toMatchObject({ status: 'held', jobs: 1, verdicts: 1 });
  expect(log).not.toContain('ada@');
  await db.query('drop function refuse_for_a_test cascade');
  expect(await postMails(events)).toBe(200);
  expect(await deliveryOf(db, id)).toMatchObject({ status: 'accepted', jobs: 0, verdicts: 0 });
});
