import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { FaultRule } from '../../src/lib/sandbox/faults.ts';
import { chargeParams, failureOf, mail, type TestSandbox, testSandbox } from './harness.ts';

const TIMEOUT_MS = 400;
let sandbox: TestSandbox;
beforeAll(async () => {
  sandbox = await testSandbox({ timeoutMs: TIMEOUT_MS });
});
afterEach(() => sandbox.admin.clearFaults());
afterAll(() => sandbox.close());

const charge = () => sandbox.stripe.paymentIntents.create(chargeParams());
const intents = async () => (await sandbox.admin.stats()).payment_intents;
const mails = async () => (await sandbox.admin.stats()).mails;

/** The effect of a fault on one call, and how often the call was executed. */
async function underFault(provider: 'stripe' | 'sendgrid', rule: FaultRule) {
  const [count, call] =
    provider === 'stripe' ? [intents, charge] : [mails, () => sandbox.mailer.send(mail())];
  await sandbox.admin.setFaults(provider, rule);
  const before = await count();
  const error = await failureOf(call());
  return { error, done: (await count()) - before };
}

const CLOSED = { type: 'StripeConnectionError', statusCode: undefined };

describe('Stripe', () => {
  test.each<[keyof FaultRule, number, object]>([
    ['timeouts', 1, { type: 'StripeConnectionError', message: expect.stringContaining('timeout') }],
    ['hangs', 0, { type: 'StripeConnectionError', message: expect.stringContaining('timeout') }],
    ['down', 0, CLOSED],
    ['resetBeforeProcessing', 0, CLOSED],
    ['resetAfterProcessing', 1, CLOSED],
    ['errors', 0, { statusCode: 500, type: 'StripeAPIError' }],
    ['errorsAfterProcessing', 1, { statusCode: 500, type: 'StripeAPIError' }],
    ['unavailable', 0, { statusCode: 503, type: 'StripeAPIError' }],
    ['unauthorized', 0, { statusCode: 401, type: 'StripeAuthenticationError' }],
    ['forbidden', 0, { statusCode: 403, type: 'StripePermissionError' }],
    ['conflicts', 0, { statusCode: 409, code: 'idempotency_key_in_use' }],
    ['html', 1, { message: expect.stringContaining('JSON') }],
    ['truncated', 1, {}],
    ['drip', 1, { type: 'StripeConnectionError' }],
  ])('%s: done %i times', async (kind, done, expected) => {
    const result = await underFault('stripe', { [kind]: true });
    expect(result.error).toMatchObject(expected);
    expect(result.done).toBe(done);
  });

  test('a rate limit answers 429 with Retry-After', async () => {
    await sandbox.admin.setFaults('stripe', { rateLimit: 0.5 });
    await charge();
    const error = await failureOf(charge());
    expect(error).toMatchObject({
      type: 'StripeRateLimitError',
      statusCode: 429,
      code: 'rate_limit',
      headers: { 'retry-after': '2' },
    });
  });
});

describe('SendGrid', () => {
  test.each<[keyof FaultRule, number, object]>([
    ['timeouts', 1, { code: 'ECONNABORTED' }],
    ['hangs', 0, { code: 'ECONNABORTED' }],
    ['down', 0, { code: 'ECONNRESET' }],
    ['resetBeforeProcessing', 0, { code: 'ECONNRESET' }],
    ['resetAfterProcessing', 1, { code: 'ECONNRESET' }],
    ['errors', 0, { code: 500 }],
    ['errorsAfterProcessing', 1, { code: 500 }],
    [
      'unavailable',
      0,
      { code: 503, response: { body: { errors: [{ message: 'Service Unavailable' }] } } },
    ],
    ['unauthorized', 0, { code: 401 }],
    ['forbidden', 0, { code: 403, response: { body: { errors: [{ field: 'from' }] } } }],
    ['conflicts', 0, { code: 409 }],
    ['html', 1, { code: 502, response: { body: expect.stringContaining('<html>') } }],
    ['truncated', 1, {}],
  ])('%s: done %i times', async (kind, done, expected) => {
    const result = await underFault('sendgrid', { [kind]: true });
    expect(result.error).toMatchObject(expected);
    expect(result.done).toBe(done);
  });

  test("drip: done, and the client's own time-out never ends it", async () => {
    const before = await mails();
    await sandbox.admin.setFaults('sendgrid', { drip: true });
    const sent = sandbox.mailer.send(mail()).then(
      () => 'sent',
      () => 'failed',
    );
    expect(await Promise.race([sent, sleep(3 * TIMEOUT_MS, 'waiting')])).toBe('waiting');
    expect((await mails()) - before).toBe(1);
  });

  test('a rate limit answers 429 with X-RateLimit-Reset', async () => {
    await sandbox.admin.setFaults('sendgrid', { rateLimit: 0.5 });
    await sandbox.mailer.send(mail());
    const error = await failureOf(sandbox.mailer.send(mail()));
    expect(error).toMatchObject({
      code: 429,
      response: { headers: { 'x-ratelimit-remaining': '0' } },
    });
    const { headers } = error.response as { headers: Record<string, string> };
    const inSeconds = Number(headers['x-ratelimit-reset']) - Date.now() / 1000;
    expect(inSeconds).toBeGreaterThan(0);
    expect(inSeconds).toBeLessThan(4);
  });
});

/** Reads everything until the server closes the connection, or has sent enough bytes. */
function rawAnswer(path: string, enough = Number.POSITIVE_INFINITY): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(sandbox.server.port, '127.0.0.1');
    let text = '';
    socket.setTimeout(5000, () => reject(new Error('nothing came for too long')));
    socket.on('data', (chunk) => {
      text += chunk;
      if (text.length >= enough) socket.destroy();
    });
    socket.on('close', () => resolve(text));
    socket.on('error', () => {});
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${path.startsWith('/v1') ? 'sk_test_x' : 'SG.x'}\r\n\r\n`,
    );
  });
}

test('a truncated answer breaks off within the body that its headers promise', async () => {
  await sandbox.admin.setFaults('stripe', { truncated: true });
  const [head = '', body = ''] = (await rawAnswer('/v1/balance')).split('\r\n\r\n');
  expect(head).toMatch(/^HTTP\/1.1 200/);
  expect(body.length).toBeGreaterThan(0);
  expect(body.length).toBeLessThan(Number(/content-length: (\d+)/i.exec(head)?.[1]));
});

test('a dripping answer comes a byte at a time', async () => {
  await sandbox.admin.setFaults('sendgrid', { drip: true });
  const begun = Date.now();
  const text = await rawAnswer('/v3/scopes', 300);
  const body = text.slice(text.indexOf('\r\n\r\n') + 4);
  expect(Date.now() - begun).toBeGreaterThanOrEqual((body.length - 1) * 90);
});

test('a connection is cut with a reset before a byte has come', async () => {
  await sandbox.admin.setFaults('stripe', { down: true });
  expect(await rawAnswer('/v1/balance')).toBe('');
});

test('latency is waited, within its bounds', async () => {
  await sandbox.admin.setFaults('sendgrid', { latencyMs: [100, 150] });
  const begun = performance.now();
  await sandbox.mailer.send(mail());
  expect(performance.now() - begun).toBeGreaterThanOrEqual(98);
});

describe('a fault is limited', () => {
  const balance = () =>
    sandbox.stripe.balance.retrieve().then(
      () => 'ok',
      () => 'failed',
    );

  test('to one provider', async () => {
    await sandbox.admin.setFaults('sendgrid', { unavailable: true });
    expect(await balance()).toBe('ok');
  });

  test('to a number of requests', async () => {
    await sandbox.admin.setFaults('stripe', { unavailable: true, count: 2 });
    expect([await balance(), await balance(), await balance()]).toEqual(['failed', 'failed', 'ok']);
    expect((await sandbox.admin.faults()).stripe).toEqual([]);
  });

  test('to paths, and methods', async () => {
    await sandbox.admin.setFaults('stripe', {
      unavailable: true,
      path: 'POST /v1/payment_intents',
    });
    expect(await balance()).toBe('ok');
    expect(await failureOf(charge())).toMatchObject({ statusCode: 503 });
    await sandbox.stripe.paymentIntents.list();
    await sandbox.admin.setFaults('stripe', { unavailable: true, path: '^/v1/balance$' });
    expect(await balance()).toBe('failed');
  });

  test('in time', async () => {
    await sandbox.admin.setFaults('stripe', { unavailable: true, forMs: 60_000 });
    expect(await balance()).toBe('failed');
    await sandbox.admin.setFaults('stripe', { unavailable: true, forMs: 1 });
    await expect.poll(balance).toBe('ok');
    expect((await sandbox.admin.faults()).stripe).toEqual([]);
  });

  test('to a share of them, the same ones for the same seed', async () => {
    const run = async () => {
      await sandbox.admin.setFaults('stripe', { unavailable: 0.3, conflicts: 0.2, seed: 42 });
      const results: string[] = [];
      for (let i = 0; i < 60; i++) results.push(await balance());
      return results;
    };
    const first = await run();
    expect(await run()).toEqual(first);
    const failed = first.filter((result) => result === 'failed').length;
    expect(failed).toBeGreaterThan(15);
    expect(failed).toBeLessThan(45);
  });

  test('by several rules, the first that strikes', async () => {
    await sandbox.admin.setFaults('stripe', [
      { unauthorized: true, path: 'balance' },
      { unavailable: true },
    ]);
    expect(await failureOf(sandbox.stripe.balance.retrieve())).toMatchObject({ statusCode: 401 });
    expect(await failureOf(charge())).toMatchObject({ statusCode: 503 });
  });
});

test.each<[string, object]>([
  ['an unknown fault', { gremlins: 1 }],
  ['a share above one', { errors: 1.5 }],
  ['shares above one together', { errors: 0.6, html: 0.6 }],
  ['a bad pattern', { errors: 1, path: '(' }],
  ['no count', { errors: 1, count: 0 }],
  ['a late time for what is not late', { errors: 1, lateMs: 100 }],
  ['a late time in the past', { late: 1, lateMs: -1 }],
])('%s is refused', async (_what, rule) => {
  expect(await failureOf(sandbox.admin.setFaults('stripe', rule))).toMatchObject({ code: 'usage' });
  expect((await sandbox.admin.faults()).stripe).toEqual([]);
});

test('what was injected is counted', async () => {
  const before = (await sandbox.admin.stats()).requests.stripe.faults.unavailable ?? 0;
  await underFault('stripe', { unavailable: true });
  expect((await sandbox.admin.stats()).requests.stripe.faults.unavailable).toBe(before + 1);
});

test('a web page cannot use the admin interface', async () => {
  const headers = {
    Origin: 'https://example.org',
    Authorization: `Bearer ${sandbox.server.secret}`,
  };
  const response = await fetch(`${sandbox.server.url}/_sandbox/reset`, { method: 'POST', headers });
  expect(response.status).toBe(403);
});
