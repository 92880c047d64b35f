import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ProviderError } from '../../src/lib/providers/errors.ts';
import type { MailMessage } from '../../src/lib/providers/mail.ts';
import { sendgridGateway } from '../../src/lib/providers/sendgrid.ts';
import { stripeGateway } from '../../src/lib/providers/stripe.ts';
import {
  answer,
  type Behaviour,
  closedPort,
  closeWithoutAnswer,
  drip,
  dripHead,
  earlyHints,
  hang,
  type MisbehavingServer,
  misbehavingServer,
  noise,
  resetAfterReading,
  resetAtOnce,
  resetBeforeReading,
  truncated,
} from '../support/misbehaving.ts';

// For providers that never answer. The others get more time, so that a busy machine causes no
// timeout.
const SHORT_MS = 500;
const LONG_MS = 10_000;
// How much longer than the deadline a busy machine may take.
const SLACK_MS = 1500;

const STRIPE_KEY = 'sk_test_doNotShowMe';
const SENDGRID_KEY = 'SG.doNotShowMe.either';
const SECRETS = [
  STRIPE_KEY,
  SENDGRID_KEY,
  'doNotShowMe',
  'Dear Wilhelmina',
  'wilhelmina@example.org',
];

const MAIL: MailMessage = {
  from: { email: 'receipts@charity.example', name: 'Charity' },
  replyTo: undefined,
  to: { email: 'wilhelmina@example.org', name: 'Wilhelmina' },
  subject: 'Your receipt',
  text: 'Dear Wilhelmina, thank you.',
  html: '<p>Dear Wilhelmina, thank you.</p>',
  template: undefined,
  customArgs: { donation_id: 'don_1' },
  categories: ['receipt'],
};

const servers: MisbehavingServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function serve(...behaviours: Behaviour[]): Promise<string> {
  const server = await misbehavingServer(...behaviours);
  servers.push(server);
  return server.url;
}

const send = (apiBase: string, timeoutMs = LONG_MS) =>
  sendgridGateway({ apiKey: SENDGRID_KEY, apiBase, timeoutMs }).send(MAIL);
const charge = (apiBase: string, timeoutMs = LONG_MS) =>
  stripeGateway({ secretKey: STRIPE_KEY, apiBase, timeoutMs }).confirmPayment('pi_1');

/** The result of a call: its answer, or the facts of the error after a search for secrets. */
async function outcome(call: Promise<unknown>, timeoutMs = LONG_MS): Promise<unknown> {
  const started = performance.now();
  try {
    return { answer: await call };
  } catch (error) {
    expect(error).toBeInstanceOf(ProviderError);
    const { errorClass, code, httpStatus, retryAfterMs, providerDown } = error as ProviderError;
    expectNoSecrets(error as ProviderError);
    return { errorClass, code, httpStatus, retryAfterMs, providerDown };
  } finally {
    expect(performance.now() - started).toBeLessThan(timeoutMs + SLACK_MS);
  }
}

function expectNoSecrets(error: ProviderError): void {
  expect(error.cause).toBeUndefined();
  const shown = [
    JSON.stringify(error),
    inspect(error, { depth: Infinity, showHidden: true }),
    String(error),
    error.stack,
  ].join('\n');
  for (const secret of SECRETS) expect(shown).not.toContain(secret);
}

interface Expected {
  errorClass: ProviderError['errorClass'];
  code?: string;
  httpStatus?: number;
  retryAfterMs?: number;
  providerDown?: boolean;
}

const failure = (expected: Expected) => ({
  code: undefined,
  httpStatus: undefined,
  retryAfterMs: undefined,
  providerDown: false,
  ...expected,
});

const lost = (code: string) => failure({ errorClass: 'transient', code, providerDown: true });
const unknown = (code?: string) =>
  failure({ errorClass: 'unknown_outcome', providerDown: true, ...(code ? { code } : {}) });
const accepted = { answer: { messageId: 'msg_1', httpStatus: 202 } };

const HTML = { 'Content-Type': 'text/html' };
const SENT = { 'X-Message-Id': 'msg_1' };
const inHours = (hours: number) => Math.ceil(Date.now() / 1000) + hours * 3600;
const stripeError = (error: object) => ({ error: { type: 'api_error', message: 'no', ...error } });

// [name, behaviour, result of Stripe's gateway, result of SendGrid's gateway]
type Case = [name: string, behaviour: Behaviour, stripe: object, sendgrid: object];

const ENDLESS: Case[] = [
  ['says nothing', hang, lost('deadline'), unknown('deadline')],
  ['says 103 and then nothing', earlyHints(hang), lost('deadline'), unknown('deadline')],
  ['drips header lines', dripHead, lost('deadline'), unknown('deadline')],
  ['drips the body of a 202', drip(202, SENT), lost('deadline'), accepted],
  [
    'drips the body of a 400',
    drip(400, {}),
    lost('deadline'),
    failure({ errorClass: 'permanent', httpStatus: 400 }),
  ],
];

const CASES: Case[] = [
  [
    'resets while the request is sent',
    resetBeforeReading,
    lost('ECONNRESET'),
    unknown('ECONNRESET'),
  ],
  ['resets after the request', resetAfterReading, lost('ECONNRESET'), unknown('ECONNRESET')],
  [
    'closes without an answer',
    closeWithoutAnswer,
    lost('UND_ERR_SOCKET'),
    unknown('UND_ERR_SOCKET'),
  ],
  ['does not speak HTTP', noise, lost('HPE_INVALID_CONSTANT'), unknown('HTTPParserError')],
  ['breaks off in the body', truncated(202, SENT), lost('UND_ERR_SOCKET'), accepted],
  ['resets in the body', truncated(202, SENT, 'reset'), lost('ECONNRESET'), accepted],
  [
    'breaks off in the body of a 500',
    truncated(500, {}),
    lost('UND_ERR_SOCKET'),
    failure({ errorClass: 'unknown_outcome', httpStatus: 500, providerDown: true }),
  ],
  [
    'answers a page with 200',
    answer(200, HTML, '<html>Welcome to the hotel</html>'),
    lost('unreadable_answer'),
    failure({ errorClass: 'unknown_outcome', httpStatus: 200, providerDown: true }),
  ],
  [
    'answers a page with 502',
    answer(502, HTML, '<html>Bad gateway</html>'),
    lost('unreadable_answer'),
    failure({ errorClass: 'unknown_outcome', httpStatus: 502, providerDown: true }),
  ],
  [
    'answers 401',
    answer(401, {}, { ...stripeError({}), errors: [{ message: `bad key ${SENDGRID_KEY}` }] }),
    failure({ errorClass: 'misconfigured', httpStatus: 401 }),
    failure({ errorClass: 'misconfigured', httpStatus: 401 }),
  ],
  [
    'answers 403 and repeats what we sent',
    answer(
      403,
      {},
      { ...stripeError({ message: STRIPE_KEY }), errors: [{ message: `${MAIL.to.email} no` }] },
    ),
    failure({ errorClass: 'misconfigured', httpStatus: 403 }),
    failure({ errorClass: 'misconfigured', httpStatus: 403 }),
  ],
  [
    'answers 400',
    answer(
      400,
      {},
      { ...stripeError({ code: 'parameter_missing' }), errors: [{ message: 'bad' }] },
    ),
    failure({ errorClass: 'permanent', httpStatus: 400, code: 'parameter_missing' }),
    failure({ errorClass: 'permanent', httpStatus: 400 }),
  ],
  [
    'answers 404',
    answer(404, {}, stripeError({ code: 'resource_missing' })),
    failure({ errorClass: 'permanent', httpStatus: 404, code: 'resource_missing' }),
    failure({ errorClass: 'permanent', httpStatus: 404 }),
  ],
  [
    'answers 413',
    answer(413, HTML, '<html>Too large</html>'),
    lost('unreadable_answer'),
    failure({ errorClass: 'permanent', httpStatus: 413 }),
  ],
  [
    'answers 429 with Retry-After in seconds',
    answer(429, { 'Retry-After': '7' }, stripeError({ code: 'rate_limit' })),
    failure({
      errorClass: 'rate_limited',
      httpStatus: 429,
      code: 'rate_limit',
      retryAfterMs: 7000,
    }),
    failure({ errorClass: 'rate_limited', httpStatus: 429, retryAfterMs: 7000 }),
  ],
  [
    'answers 409 while the key is in flight',
    answer(409, {}, stripeError({ type: 'idempotency_error', code: 'idempotency_key_in_use' })),
    failure({
      errorClass: 'transient',
      httpStatus: 409,
      code: 'idempotency_key_in_use',
      retryAfterMs: 1000,
    }),
    failure({ errorClass: 'permanent', httpStatus: 409 }),
  ],
  [
    'knows the key with other parameters',
    answer(400, {}, stripeError({ type: 'idempotency_error' })),
    failure({ errorClass: 'unknown_outcome', httpStatus: 400, code: 'idempotency_error' }),
    failure({ errorClass: 'permanent', httpStatus: 400 }),
  ],
  [
    'answers 500',
    answer(500, {}, stripeError({})),
    failure({ errorClass: 'transient', httpStatus: 500, providerDown: true }),
    failure({ errorClass: 'unknown_outcome', httpStatus: 500, providerDown: true }),
  ],
  [
    'replays a 500',
    answer(500, { 'Idempotent-Replayed': 'true' }, stripeError({})),
    failure({ errorClass: 'transient', httpStatus: 500, code: 'replayed_500' }),
    failure({ errorClass: 'unknown_outcome', httpStatus: 500, providerDown: true }),
  ],
  [
    'answers 503',
    answer(503, {}, stripeError({})),
    failure({ errorClass: 'transient', httpStatus: 503, providerDown: true }),
    failure({ errorClass: 'transient', httpStatus: 503, providerDown: true }),
  ],
  [
    'answers 504',
    answer(504, {}, stripeError({})),
    failure({ errorClass: 'transient', httpStatus: 504, providerDown: true }),
    failure({ errorClass: 'unknown_outcome', httpStatus: 504, providerDown: true }),
  ],
  [
    'redirects elsewhere',
    answer(307, { Location: 'http://nonexistent.invalid/' }),
    lost('unreadable_answer'),
    failure({ errorClass: 'misconfigured', httpStatus: 307 }),
  ],
];

describe('a provider that for ever', () => {
  test.each(ENDLESS)('%s', async (_name, behaviour, stripe, sendgrid) => {
    const url = await serve(behaviour);
    const [mail, card] = await Promise.all([
      outcome(send(url, SHORT_MS), SHORT_MS),
      outcome(charge(url, SHORT_MS), SHORT_MS),
    ]);
    expect(mail, 'SendGrid').toEqual(sendgrid);
    expect(card, 'Stripe').toEqual(stripe);
  });
});

describe('a provider that', () => {
  test.each(CASES)('%s', async (_name, behaviour, stripe, sendgrid) => {
    const url = await serve(behaviour);
    expect(await outcome(send(url)), 'SendGrid').toEqual(sendgrid);
    expect(await outcome(charge(url)), 'Stripe').toEqual(stripe);
  });

  test('resets the connection at once: not sent if it was never open, else unknown', async () => {
    const url = await serve(resetAtOnce);
    expect(await outcome(charge(url))).toEqual(lost('ECONNRESET'));
    expect([unknown('ECONNRESET'), lost('ECONNRESET')]).toContainEqual(await outcome(send(url)));
  });

  test('answers 429 with Retry-After as a date, or X-RateLimit-Reset', async () => {
    const date = new Date(inHours(1) * 1000).toUTCString();
    const dated = await serve(answer(429, { 'Retry-After': date }, stripeError({})));
    const reset = await serve(answer(429, { 'X-RateLimit-Reset': String(inHours(1)) }));
    for (const call of [() => charge(dated), () => send(dated), () => send(reset)]) {
      const { errorClass, retryAfterMs } = (await outcome(call())) as Expected;
      expect(errorClass).toBe('rate_limited');
      expect(retryAfterMs).toBeGreaterThan(3_590_000);
      expect(retryAfterMs).toBeLessThanOrEqual(3_601_000);
    }
  });
});

describe('a provider that cannot be reached', () => {
  test('no server listens on the port', async () => {
    const url = await closedPort();
    expect(await outcome(send(url))).toEqual(lost('ECONNREFUSED'));
    expect(await outcome(charge(url))).toEqual(lost('ECONNREFUSED'));
  });

  test('its name does not resolve', async () => {
    // The code depends on the machine's resolver.
    const unresolved = { errorClass: 'transient', providerDown: true };
    expect(await outcome(send('http://nonexistent.invalid'))).toMatchObject(unresolved);
    expect(await outcome(charge('http://nonexistent.invalid'))).toMatchObject(unresolved);
  });

  test('TLS is not established: nothing was sent, so the outcome is known', async () => {
    const url = (await serve(hang)).replace('http:', 'https:');
    expect(await outcome(send(url, SHORT_MS))).toEqual(lost('UND_ERR_CONNECT_TIMEOUT'));
    expect(await outcome(charge(url, SHORT_MS))).toEqual(lost('deadline'));
  });

  test('the connection is reset before TLS is established: nothing was sent', async () => {
    const plain = await serve({ connected: (socket) => socket.resetAndDestroy() });
    expect(await outcome(send(plain.replace('http:', 'https:')))).toEqual(lost('ECONNRESET'));
  });

  test('it does not speak TLS', async () => {
    const plain = await serve({
      connected: (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    });
    const url = plain.replace('http:', 'https:');
    const misconfigured = { errorClass: 'misconfigured', providerDown: false };
    expect(await outcome(send(url))).toMatchObject(misconfigured);
    expect(await outcome(charge(url))).toMatchObject(misconfigured);
  });
});

describe('in a working directory whose path means something in a regular expression', () => {
  beforeAll(async () => {
    const before = process.cwd();
    const odd = join(await mkdtemp(join(tmpdir(), 'donations-')), 'a(b');
    await mkdir(odd);
    process.chdir(odd);
    return () => process.chdir(before);
  });

  test.each([400, 401, 403, 413, 429, 500, 502, 503])('%i settles', async (status) => {
    const url = await serve(answer(status, {}, { errors: [{ message: 'no' }] }));
    expect(await outcome(send(url))).toMatchObject({ httpStatus: status });
  });
});

test('a very long error body is not read to its end', async () => {
  // The rest never arrives, so reading on would wait until the deadline.
  const url = await serve(
    truncated(400, { 'Content-Length': '10000000' }, 'hang', 'x'.repeat(200_000)),
  );
  const started = performance.now();
  expect(await outcome(send(url))).toEqual(failure({ errorClass: 'permanent', httpStatus: 400 }));
  expect(performance.now() - started).toBeLessThan(LONG_MS / 2);
});

test('an invalid mail fails for good, and nothing is sent', async () => {
  const server = await misbehavingServer(hang);
  servers.push(server);
  const gateway = sendgridGateway({
    apiKey: SENDGRID_KEY,
    apiBase: server.url,
    timeoutMs: SHORT_MS,
  });
  const bad = { ...MAIL, subject: 7 as unknown as string };
  expect(await outcome(gateway.send(bad))).toEqual(
    failure({ errorClass: 'permanent', code: 'invalid_mail' }),
  );
  expect(server.requests).toEqual([]);
});

test('concurrent mails each have their own deadline', async () => {
  const server = await misbehavingServer(hang, answer(202, SENT));
  servers.push(server);
  const gateway = sendgridGateway({
    apiKey: SENDGRID_KEY,
    apiBase: server.url,
    timeoutMs: SHORT_MS,
  });
  const hanging = outcome(gateway.send(MAIL));
  const others = await Promise.all([1, 2, 3].map(() => outcome(gateway.send(MAIL))));
  expect(await hanging).toEqual(unknown('deadline'));
  expect(others).toEqual([accepted, accepted, accepted]);
});
