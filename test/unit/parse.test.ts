import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/lib/errors.ts';
import {
  parseCount,
  parseDuration,
  parseDurationRange,
  parseRate,
  parseShare,
} from '../../src/lib/parse.ts';

const refused = (parse: () => unknown) => {
  try {
    parse();
  } catch (error) {
    return error instanceof UserError ? error.code : error;
  }
  return 'accepted';
};

describe('a duration', () => {
  test.each([
    ['200ms', 200],
    ['60s', 60_000],
    ['1.5s', 1500],
    ['10m', 600_000],
    ['1h', 3_600_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    ['1w', 604_800_000],
    [' 5s ', 5000],
  ])('%s', (text, ms) => expect(parseDuration(text)).toBe(ms));

  test.each([
    '',
    '5',
    's',
    '-5s',
    '5 s',
    '5sec',
    '1,5s',
    '0s',
    'soon',
    '5s!',
    '10m 5s',
    '1e3s',
    '٥s',
    'Infinity',
    '0.0001ms',
    `${'9'.repeat(131_072)}d`,
    `${'9'.repeat(400)}d`,
  ])('not %j', (text) => expect(refused(() => parseDuration(text))).toBe('usage'));

  test.each(['400000000d', '106751991167d', '36526d', `${'9'.repeat(60)}d`])(
    '%j is more than Postgres can count with',
    (text) => expect(() => parseDuration(text)).toThrow(/is too long/),
  );

  test('has the limit of its use', () => {
    expect(() => parseDuration('2h', { max: 3_600_000 })).toThrow('"2h" is too long');
    expect(parseDuration('1h', { max: 3_600_000 })).toBe(3_600_000);
    expect(parseDuration('36525d')).toBe(3_155_760_000_000);
  });

  test.each<[string, [number, number]]>([
    ['200ms', [200, 200]],
    ['100ms-2s', [100, 2000]],
  ])('range %s', (text, range) => expect(parseDurationRange(text)).toEqual(range));

  test.each(['2s-1s', '1s-2s-3s', '1s-', '-2s', '100-200ms', ''])('not the range %j', (text) =>
    expect(refused(() => parseDurationRange(text))).toBe('usage'),
  );
});

describe('a share', () => {
  test.each([
    ['20%', 0.2],
    ['0.5%', 0.005],
    ['0%', 0],
    ['100%', 1],
  ])('%s', (text, share) => expect(parseShare(text)).toBe(share));

  test.each(['20', '0.2', '101%', '-1%', '%', '20 %', '1e1%', ''])('not %j', (text) =>
    expect(refused(() => parseShare(text))).toBe('usage'),
  );
});

describe('a rate', () => {
  test.each([
    ['10/s', 10],
    ['600/m', 10],
    ['36/h', 0.01],
    ['0.5/s', 0.5],
  ])('%s', (text, rate) => expect(parseRate(text)).toBe(rate));

  test.each([
    '10',
    '0/s',
    '10/',
    '/s',
    '10/d',
    '10 per s',
    '-1/s',
    '',
    `${'9'.repeat(400)}/s`,
    '1000001/s',
    '0.0000001/h',
  ])('not %j', (text) => expect(refused(() => parseRate(text))).toBe('usage'));
});

describe('a count', () => {
  test('within its bounds', () => {
    expect(parseCount('1')).toBe(1);
    expect(parseCount('0', { min: 0 })).toBe(0);
    expect(parseCount('7', { max: 7 })).toBe(7);
  });

  test.each(['0', '-1', '1.5', '1e3', '', 'x', '9999999', '9'.repeat(400)])('not %j', (text) =>
    expect(refused(() => parseCount(text))).toBe('usage'),
  );
});
