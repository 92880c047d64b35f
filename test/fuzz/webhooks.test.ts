import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { createLogger } from '../../src/lib/output/log.ts';
import { sendgridWebhook } from '../../src/lib/webhooks/sendgrid-events.ts';
import { startWebhookServer, type WebhookServer } from '../../src/lib/webhooks/server.ts';
import { stripeWebhook } from '../../src/lib/webhooks/stripe-events.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { mailSigner, stripeHeaders } from '../webhooks/harness.ts';
import { announceSeed, budget, TEST_TIMEOUT_MS } from './budget.ts';
import { hostileText, idText } from './hostile.ts';

announceSeed();

const SECRET = `whsec_${randomBytes(12).toString('hex')}`;
const signer = mailSigner();
let database: TestDatabase;
let server: WebhookServer;

beforeAll(async () => {
  database = await createTestDatabase();
  const log = await createLogger({
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: new PassThrough() as unknown as NodeJS.WriteStream,
    env: { DONATIONS_LOG_LEVEL: 'silent' },
    cwd: '/',
    color: false,
  });
  const deps = { db: database.db, clock: systemClock, log };
  server = await startWebhookServer({
    telemetry: undefined,
    host: '127.0.0.1',
    port: 0,
    log,
    routes: {
      '/stripe': stripeWebhook({ ...deps, secret: SECRET }),
      '/sendgrid': sendgridWebhook({ ...deps, publicKey: signer.publicKey }),
    },
  });
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

const short = hostileText.filter((text) => text.length < 10_000);
const leaf = fc.oneof(short, idText, fc.integer(), fc.double(), fc.boolean(), fc.constant(null));

const stripeEvent = fc.record(
  {
    id: fc.oneof(fc.stringMatching(/^evt_\w{1,20}$/), leaf),
    type: fc.oneof(
      fc.constantFrom(
        'payment_intent.succeeded',
        'payment_intent.canceled',
        'charge.refunded',
        'charge.dispute.created',
      ),
      leaf,
    ),
    data: fc.oneof(
      fc.record({
        object: fc.oneof(
          fc.record(
            {
              id: leaf,
              amount: leaf,
              metadata: fc.record(
                { donation_id: fc.oneof(fc.stringMatching(/^don_[0-9a-z]{26}$/), leaf) },
                { requiredKeys: [] },
              ),
            },
            { requiredKeys: [] },
          ),
          fc.jsonValue(),
        ),
      }),
      leaf,
    ),
  },
  { requiredKeys: [] },
);

const mailEvent = fc.record(
  {
    event: fc.oneof(fc.constantFrom('processed', 'delivered', 'bounce', 'open'), leaf),
    timestamp: fc.oneof(fc.integer({ min: 1, max: 2_000_000_000 }), leaf),
    sg_message_id: fc.oneof(fc.stringMatching(/^[\w.-]{5,40}$/), leaf),
    email: leaf,
    delivery_id: fc.oneof(fc.stringMatching(/^dlv_[0-9a-z]{26}$/), leaf),
    receipt_id: fc.oneof(fc.stringMatching(/^rcp_[0-9a-z]{26}$/), leaf),
    donation_id: fc.oneof(fc.stringMatching(/^don_[0-9a-z]{26}$/), leaf),
  },
  { requiredKeys: [] },
);

const body = (event: fc.Arbitrary<unknown>): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 5, arbitrary: event.map((value) => JSON.stringify(value)) },
    {
      weight: 5,
      arbitrary: fc.array(event, { maxLength: 4 }).map((value) => JSON.stringify(value)),
    },
    { weight: 1, arbitrary: fc.jsonValue().map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: short },
    {
      weight: 1,
      arbitrary: fc
        .integer({ min: 1, max: 20_000 })
        .map((deep) => '['.repeat(deep) + ']'.repeat(deep)),
    },
  );

it.each([
  ['stripe', body(stripeEvent), (text: string) => stripeHeaders(SECRET, text)],
  ['sendgrid', body(mailEvent), (text: string) => signer.headers(text)],
] as const)(
  'any signed body of %s is taken or refused, never a failure of ours',
  async (path, bodies, headersOf) => {
    await fc.assert(
      fc.asyncProperty(bodies, fc.boolean(), async (text, signed) => {
        const response = await fetch(`${server.url}/${path}`, {
          method: 'POST',
          body: text,
          headers: signed ? headersOf(text) : {},
          signal: AbortSignal.timeout(20_000),
        });
        await response.arrayBuffer();
        expect([200, 400, 401]).toContain(response.status);
        if (!signed) expect(response.status).toBe(401);
      }),
      budget(),
    );
  },
  TEST_TIMEOUT_MS,
);
