import { expect, test } from 'vitest';
import { looksLikeCardNumber, maskSecret, maskText } from '../../src/lib/mask.ts';

test.each([
  ['a plain sentence', 'a plain sentence'],
  ['mail jane.doe@example.org now', 'mail j***@example.org now'],
  ['<j@example.org>,k+x@example.com', '<j***@example.org>,k***@example.com'],
  ['{"email":"ünal@bücher.example"}', '{"email":"ü***@bücher.example"}'],
  ['no address: @example, a @ b', 'no address: @example, a @ b'],
  ['key sk_live_51AbC_x and rk_test_9z', 'key **** and ****'],
  ['pk_test_1 whsec_AbC SG.abc-_1.dEf', '**** **** ****'],
  ['Authorization: Bearer eyJ.abc/+=', 'Authorization: ****'],
  ['authorization: bearer abc', 'authorization: ****'],
  ['ask_test_1 and SGX.abc stay', 'ask_test_1 and SGX.abc stay'],
  ['card 4242424242424242.', 'card ****.'],
  ['card 4242 4242 4242 4242 12/30', 'card **** 12/30'],
  ['4242-4242-4242-4242', '****'],
  ['order 12 4242 4242 4242 4242', 'order 12 ****'],
  ['4242424242424242 5555555555554444', '**** ****'],
  ['3782 822463 10005 (Amex)', '**** (Amex)'],
  ['4242424242424241 fails the check', '4242424242424241 fails the check'],
  ['0000000000000000', '0000000000000000'],
  ['don_0192f0c1, 2026-11-23T19:47:16', 'don_0192f0c1, 2026-11-23T19:47:16'],
  ['line one\r\n\u001b[31mline two\u0000', 'line one [31mline two'],
  ['right\u202eto\u2028left', 'rightto left'],
  ['card 4242\u200b4242\u200b4242\u200b4242', 'card ****'],
  ['sk_\u200blive_51AbC', '****'],
])('maskText(%j)', (text, masked) => {
  expect(maskText(text)).toBe(masked);
});

test('maskText shortens, and is quick about long text', () => {
  const started = performance.now();
  for (const piece of ['a', '1', '1 ', 'a@', 'sk_live_', 'é ']) {
    expect(maskText(piece.repeat(50_000)).length).toBeLessThanOrEqual(500);
  }
  expect(performance.now() - started).toBeLessThan(2000);
});

test.each([
  ['4242424242424242', true],
  ['4242 4242 4242 4242', true],
  ['378282246310005', true],
  ['6011-1111-1111-1117', true],
  ['4222222222222', true],
  ['４２４２４２４２４２４２４２４２', true],
  ['4242\u200b4242\u200b4242\u200b4242', true],
  ['my card is 5555555555554444, thanks', true],
  ['4242424242424241', false],
  ['424242424242', false],
  ['42424242424242424242', false],
  ['pm_card_visa', false],
  ['pm_1PzKqL2eZvKYlo2C', false],
  ['', false],
])('looksLikeCardNumber(%j) is %s', (text, expected) => {
  expect(looksLikeCardNumber(text)).toBe(expected);
});

test.each([
  ['sk_test_51AbCdEfGhIj', 'sk_test_****GhIj'],
  ['rk_live_51AbCdEfGhIj', 'rk_live_****GhIj'],
  ['SG.abcdefgh.ijklmnop', 'SG.****mnop'],
  ['whatever-it-is-1234', '****1234'],
  ['sk_test_short', 'sk_test_****'],
  ['', '****'],
])('maskSecret(%j)', (secret, shown) => {
  expect(maskSecret(secret)).toBe(shown);
});
