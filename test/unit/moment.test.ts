import { describe, expect, it } from 'vitest';
import { parseMoment, parsePeriod } from '../../src/lib/moment.ts';

const NEW_YORK = { now: new Date('2026-11-24T14:00:00Z'), timeZone: 'America/New_York' };
const at = (text: string, rules: Partial<Parameters<typeof parseMoment>[1]> = {}) =>
  parseMoment(text, { ...NEW_YORK, ...rules }).toISOString();

describe('a moment', () => {
  it.each([
    ['02:00', '2026-11-24T07:00:00.000Z'],
    ['2:30:15', '2026-11-24T07:30:15.000Z'],
    // 09:00 is now there; 09:01 was yesterday.
    ['09:00', '2026-11-24T14:00:00.000Z'],
    ['09:01', '2026-11-23T14:01:00.000Z'],
    ['2026-07-01', '2026-07-01T04:00:00.000Z'],
    ['2026-07-01 12:00', '2026-07-01T16:00:00.000Z'],
    ['2026-11-24T02:00', '2026-11-24T07:00:00.000Z'],
    ['2026-11-24T02:00Z', '2026-11-24T02:00:00.000Z'],
    ['2026-11-24T02:00+01:00', '2026-11-24T01:00:00.000Z'],
    ['3h', '2026-11-24T11:00:00.000Z'],
    ['now', '2026-11-24T14:00:00.000Z'],
    // The clocks skip 02:30, and show 01:30 twice.
    ['2026-03-08 02:30', '2026-03-08T07:30:00.000Z'],
    ['2026-11-01 01:30', '2026-11-01T05:30:00.000Z'],
  ])('%s', (text, iso) => {
    expect(at(text)).toBe(iso);
  });

  it.each(['', '25:00', '2026-02-30', '2026-11-24 25:00', 'yesterday', '3', '3x'])(
    'refuses %j',
    (text) => {
      expect(() => at(text)).toThrow(expect.objectContaining({ code: 'usage' }));
    },
  );
});

describe('a period', () => {
  const period = (from: string, to?: string) => {
    const found = parsePeriod({ from, to }, NEW_YORK);
    return [found.from.toISOString(), found.to.toISOString()];
  };

  it.each([
    ['02:00', '05:00', '2026-11-24T07:00:00.000Z', '2026-11-24T10:00:00.000Z'],
    // Over midnight, and not over yet.
    ['22:00', '05:00', '2026-11-24T03:00:00.000Z', '2026-11-24T10:00:00.000Z'],
    ['08:00', '10:00', '2026-11-24T13:00:00.000Z', '2026-11-24T14:00:00.000Z'],
    ['3h', undefined, '2026-11-24T11:00:00.000Z', '2026-11-24T14:00:00.000Z'],
    ['2026-11-20', '2026-11-20', '2026-11-20T05:00:00.000Z', '2026-11-21T05:00:00.000Z'],
  ])('%s to %s', (from, to, begin, end) => {
    expect(period(from, to)).toEqual([begin, end]);
  });

  it.each([
    ['2026-12-01', undefined, /future/],
    ['2026-11-20', '2026-11-19', /not after/],
    ['2026-01-01', '2026-06-01', /longer than 31 days/],
  ])('refuses %s to %s', (from, to, message) => {
    expect(() => period(from, to)).toThrow(message);
  });
});
