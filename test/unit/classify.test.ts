import { describe, expect, test } from 'vitest';
import { retryAfterMs } from '../../src/lib/providers/retry-after.ts';
import { isAccepted, noAnswer, refusal } from '../../src/lib/providers/sendgrid-errors.ts';
import { socketFault } from '../../src/lib/providers/socket-fault.ts';
import {
  asDecline,
  classifyStripeFailure,
  type StripeFailure,
} from '../../src/lib/providers/stripe-errors.ts';

const NOW = new Date('2026-11-23T12:00:00Z');

const socketError = (code: string, syscall?: string) =>
  Object.assign(new Error(code), { code, syscall });
/** The SDK's error after a failure of `fetch`. */
const noStripe = (cause?: unknown): StripeFailure => ({
  message: 'An error occurred with our connection to Stripe.',
  ...{ detail: new TypeError('fetch failed', { cause }) },
});

describe('Stripe', () => {
  const stripe = (failure: StripeFailure) => classifyStripeFailure(failure, 20_000, NOW);

  test.each<[StripeFailure, object]>([
    [
      { statusCode: 400, code: 'parameter_missing' },
      { errorClass: 'permanent', code: 'parameter_missing' },
    ],
    [{ statusCode: 400, code: 'rate_limit' }, { errorClass: 'rate_limited' }],
    [
      { statusCode: 400, rawType: 'idempotency_error' },
      { errorClass: 'unknown_outcome', code: 'idempotency_error' },
    ],
    [{ statusCode: 401 }, { errorClass: 'misconfigured' }],
    [{ statusCode: 402, code: 'card_declined' }, { errorClass: 'permanent' }],
    [{ statusCode: 403 }, { errorClass: 'misconfigured' }],
    [{ statusCode: 404, code: 'resource_missing' }, { errorClass: 'permanent' }],
    [
      { statusCode: 409, rawType: 'idempotency_error', code: 'idempotency_key_in_use' },
      { errorClass: 'transient', retryAfterMs: 1000, providerDown: false },
    ],
    [
      { statusCode: 429, code: 'lock_timeout' },
      { errorClass: 'rate_limited', retryAfterMs: undefined },
    ],
    [
      { statusCode: 429, headers: { 'retry-after': '3' } },
      { errorClass: 'rate_limited', retryAfterMs: 3000 },
    ],
    [{ statusCode: 500 }, { errorClass: 'transient', code: undefined, providerDown: true }],
    [
      { statusCode: 500, headers: { 'idempotent-replayed': 'true' } },
      { errorClass: 'transient', code: 'replayed_500', providerDown: false },
    ],
    [
      { statusCode: 400, headers: { 'idempotent-replayed': 'true' }, code: 'x' },
      { errorClass: 'permanent', code: 'x' },
    ],
    [
      { statusCode: 503, headers: { 'retry-after': '9' } },
      { errorClass: 'transient', retryAfterMs: 9000 },
    ],
    [
      { message: 'Invalid JSON received' },
      { errorClass: 'transient', code: 'unreadable_answer', providerDown: true },
    ],
    [noStripe(), { errorClass: 'transient', providerDown: true }],
    [
      noStripe(socketError('ECONNREFUSED', 'connect')),
      { errorClass: 'transient', code: 'ECONNREFUSED', providerDown: true },
    ],
    [
      noStripe(socketError('EAI_AGAIN', 'getaddrinfo')),
      { errorClass: 'transient', code: 'EAI_AGAIN' },
    ],
    [
      noStripe(socketError('EPIPE', 'write')),
      { errorClass: 'transient', code: 'EPIPE', providerDown: true },
    ],
    [noStripe(socketError('UND_ERR_SOCKET')), { errorClass: 'transient', code: 'UND_ERR_SOCKET' }],
    [
      noStripe(socketError('CERT_HAS_EXPIRED')),
      { errorClass: 'misconfigured', providerDown: false },
    ],
    [noStripe(socketError('ERR_SSL_WRONG_VERSION_NUMBER')), { errorClass: 'misconfigured' }],
  ])('%j', (failure, expected) => {
    expect(stripe(failure)).toMatchObject({ provider: 'stripe', ...expected });
  });

  test('its message is kept without secrets', () => {
    const { message } = stripe({
      statusCode: 400,
      message: 'No such customer: jane@example.org\n4242424242424242',
    });
    expect(message).toBe(
      'Stripe refused the request (400): No such customer: j***@example.org ****',
    );
  });

  test.each<[StripeFailure, object | undefined]>([
    [
      { statusCode: 402, code: 'card_declined', decline_code: 'insufficient_funds' },
      { declineCode: 'insufficient_funds' },
    ],
    [{ statusCode: 402, code: 'expired_card', decline_code: '' }, { declineCode: 'expired_card' }],
    [
      { statusCode: 402, code: 'authentication_required', payment_intent: { id: 'pi_1' } },
      { declineCode: 'authentication_required', paymentIntentId: 'pi_1' },
    ],
    [{ statusCode: 402 }, { declineCode: 'card_declined', paymentIntentId: undefined }],
    [{ statusCode: 400, code: 'card_declined' }, undefined],
    [noStripe(), undefined],
  ])('%j is declined: %j', (failure, expected) => {
    const result = asDecline(failure);
    if (expected) expect(result).toMatchObject({ status: 'declined', ...expected });
    else expect(result).toBeUndefined();
  });
});

describe('SendGrid', () => {
  const answer = (status: number, headers = {}, body = '') => ({ status, headers, body });

  test.each<[number, object]>([
    [400, { errorClass: 'permanent' }],
    [401, { errorClass: 'misconfigured' }],
    [403, { errorClass: 'misconfigured' }],
    [404, { errorClass: 'permanent' }],
    [408, { errorClass: 'transient', providerDown: true }],
    [413, { errorClass: 'permanent' }],
    [429, { errorClass: 'rate_limited', providerDown: false }],
    [500, { errorClass: 'unknown_outcome', providerDown: true }],
    [502, { errorClass: 'unknown_outcome', providerDown: true }],
    [503, { errorClass: 'transient', providerDown: true }],
    [504, { errorClass: 'unknown_outcome', providerDown: true }],
    [599, { errorClass: 'unknown_outcome', providerDown: true }],
    [301, { errorClass: 'misconfigured' }],
    [204, { errorClass: 'unknown_outcome' }],
  ])('%i', (status, expected) => {
    expect(refusal('send', answer(status), NOW)).toMatchObject({
      provider: 'sendgrid',
      httpStatus: status,
      ...expected,
    });
  });

  test.each([
    [202, {}, true],
    [202, { 'content-type': 'text/html' }, true],
    [200, {}, true],
    [200, { 'content-type': 'application/json' }, true],
    [200, { 'content-type': 'text/html; charset=utf-8' }, false],
    [201, {}, false],
    [400, {}, false],
  ])('%i %j is acceptance: %s', (status, headers, expected) => {
    expect(isAccepted(answer(status, headers))).toBe(expected);
  });

  test('a failed read never has an unknown outcome', () => {
    expect(refusal('look', answer(500), NOW).errorClass).toBe('transient');
    expect(noAnswer('look', {}, 1000).errorClass).toBe('transient');
  });

  test('its message is kept without secrets, and shortened', () => {
    const body = JSON.stringify({ errors: [{ message: `jane@example.org ${'x'.repeat(400)}` }] });
    const { message } = refusal('send', answer(400, {}, body), NOW);
    expect(message).toContain('(400): j***@example.org xxx');
    expect(message.length).toBeLessThan(350);
  });

  test.each([
    '',
    '<html>',
    'null',
    '[]',
    '{"errors":null}',
    '{"errors":[null]}',
    '{"errors":[{"message":7}]}',
  ])('the body %j gives no explanation and causes no error', (body) => {
    expect(refusal('send', answer(400, {}, body), NOW).message).toBe(
      'SendGrid refused the request (400)',
    );
  });

  const sent = { errorClass: 'unknown_outcome', providerDown: true };
  const notSent = { errorClass: 'transient', providerDown: true };

  test.each<[{ code: string }, object]>([
    [socketError('ECONNREFUSED', 'connect'), notSent],
    [socketError('ENOTFOUND', 'getaddrinfo'), notSent],
    [socketError('EAI_AGAIN', 'getaddrinfo'), notSent],
    [socketError('ETIMEDOUT', 'connect'), notSent],
    [socketError('EHOSTUNREACH', 'connect'), notSent],
    [socketError('ENETUNREACH', 'connect'), notSent],
    [socketError('ECONNRESET', 'connect'), notSent],
    [
      Object.assign(new AggregateError([socketError('ETIMEDOUT', 'connect')]), {
        code: 'ETIMEDOUT',
      }),
      notSent,
    ],
    [socketError('ETIMEDOUT', 'read'), sent],
    [socketError('ECONNRESET', 'read'), sent],
    [socketError('EHOSTUNREACH', 'write'), sent],
    [socketError('EHOSTUNREACH', 'read'), sent],
    [socketError('EHOSTUNREACH'), sent],
    [socketError('ENETUNREACH', 'write'), sent],
    [socketError('ENETUNREACH'), sent],
    [socketError('ECONNRESET'), sent],
    [socketError('EPIPE', 'write'), sent],
    [socketError('HPE_INVALID_CONSTANT'), sent],
    [socketError('EPROTO', 'write'), sent],
    [socketError('EPROTO', 'connect'), { errorClass: 'misconfigured' }],
    [socketError('CERT_HAS_EXPIRED'), { errorClass: 'misconfigured' }],
    [socketError('DEPTH_ZERO_SELF_SIGNED_CERT'), { errorClass: 'misconfigured' }],
    [socketError('ERR_TLS_CERT_ALTNAME_INVALID'), { errorClass: 'misconfigured' }],
  ])('no answer: %o', (cause, expected) => {
    expect(noAnswer('send', cause, undefined)).toMatchObject({
      code: cause.code,
      ...expected,
    });
  });

  test('no answer within the deadline', () => {
    const error = noAnswer('send', new DOMException('aborted', 'AbortError'), 15_000);
    expect(error).toMatchObject({ ...sent, code: 'deadline' });
    expect(error.message).toBe('SendGrid did not answer within 15 s; the mail may have been sent');
  });
});

test.each([
  [{}, undefined],
  [{ 'retry-after': '0' }, 0],
  [{ 'retry-after': '120' }, 120_000],
  [{ 'retry-after': 'Mon, 23 Nov 2026 12:00:30 GMT' }, 30_000],
  [{ 'retry-after': 'Mon, 23 Nov 2026 11:00:00 GMT' }, 0],
  [{ 'retry-after': 'soon' }, undefined],
  [{ 'x-ratelimit-reset': String(NOW.getTime() / 1000 + 5) }, 5000],
  [{ 'x-ratelimit-reset': '1' }, 0],
  [{ 'x-ratelimit-reset': 'soon' }, undefined],
  [
    {
      'retry-after': 'Mon, 23 Nov 2026 12:00:30 GMT',
      date: 'Mon, 23 Nov 2026 12:00:10 GMT',
    },
    20_000,
  ],
  [
    {
      'x-ratelimit-reset': String(NOW.getTime() / 1000 + 5),
      date: 'Mon, 23 Nov 2026 12:00:02 GMT',
    },
    3000,
  ],
  // Our clock is wrong by days, and theirs decides.
  [
    {
      'retry-after': 'Wed, 25 Nov 2026 12:00:30 GMT',
      date: 'Wed, 25 Nov 2026 12:00:00 GMT',
    },
    30_000,
  ],
  [{ 'retry-after': '7', date: 'Wed, 25 Nov 2026 12:00:00 GMT' }, 7000],
  [{ 'retry-after': 'Mon, 23 Nov 2026 12:00:30 GMT', date: 'yesterday' }, 30_000],
  [{ 'retry-after': '2', 'x-ratelimit-reset': '9999999999' }, 2000],
])('retryAfterMs(%j) is %s', (headers, expected) => {
  expect(retryAfterMs(headers, NOW)).toBe(expected);
});

test.each([undefined, null, 'text', 7, {}, { code: 7 }, { detail: null }, new Error('x')])(
  'socketFault takes anything: %o',
  (error) => {
    expect(socketFault(error)).toEqual({ code: undefined, notSent: false, tls: false });
  },
);

test('socketFault ends on circular errors', () => {
  const error: { cause?: unknown } = {};
  error.cause = error;
  expect(socketFault(error).code).toBeUndefined();
});
