import { describe, expect, it } from 'vitest';
import { createAmountReader } from '../../src/lib/imports/check/amounts.ts';
import { readDay } from '../../src/lib/imports/check/dates.ts';
import { fingerprintOf, OccurrenceCounter } from '../../src/lib/imports/check/identity.ts';
import { likeness } from '../../src/lib/imports/match/likeness.ts';
import { checkFile, file, giftOf, reasonsOf } from './support.ts';

describe('amounts', () => {
  it.each([
    ['19.99', 'usd', 'en-US', 1999n],
    ['$1,000.00', 'usd', 'en-US', 100_000n],
    ['1,000', 'usd', 'en-US', 100_000n],
    ['1.230,99', 'eur', 'de-DE', 123_099n],
    ['1.230,99 €', 'eur', 'de-DE', 123_099n],
    ['1500', 'jpy', 'en-US', 1500n],
    ['2,500,000.00', 'usd', 'en-US', 250_000_000n],
    ['12.345', 'bhd', 'en-US', 12_345n],
    ['USD 12.50', 'usd', 'en-US', 1250n],
  ])('%s %s in %s', (text, currency, locale, minor) => {
    expect(createAmountReader(locale)(text, currency)).toEqual({ minor });
  });

  it.each([
    ['1.23E+12', 'usd', 'en-US', 'damaged by a spreadsheet'],
    ['=100*2', 'usd', 'en-US', 'formula'],
    ['-5.00', 'usd', 'en-US', 'negative'],
    ['(5.00)', 'usd', 'en-US', 'negative'],
    ['0.00', 'usd', 'en-US', 'zero'],
    ['1.230,99', 'eur', 'en-US', 'not an amount'],
    ['5.001', 'usd', 'en-US', 'decimals'],
    ['15.5', 'jpy', 'en-US', 'decimals'],
    ['12abc', 'usd', 'en-US', 'not an amount'],
    ['99999999999999999999', 'usd', 'en-US', 'beyond any gift'],
  ])('%s %s in %s is refused', (text, currency, locale, why) => {
    expect(createAmountReader(locale)(text, currency)).toEqual({
      problem: expect.stringContaining(why),
    });
  });

  it('takes a workbook’s number for the decimal that it means', () => {
    const read = createAmountReader('de-DE');
    expect(read(19.99, 'usd')).toEqual({ minor: 1999n });
    expect(read(1.1 + 2.2, 'usd')).toEqual({ minor: 330n });
    expect(read(0.005, 'usd')).toHaveProperty('problem');
    expect(read(1234.5, 'jpy')).toHaveProperty('problem');
  });
});

describe('days', () => {
  const rules = {
    order: undefined,
    timeZone: 'America/New_York',
    timesAreUtc: false,
    today: '2026-11-25',
  } as const;

  it.each([
    ['2026-11-02', '2026-11-02'],
    ['2026-11-02 23:59:00', '2026-11-02'],
    ['2026-01-01T02:00:00Z', '2025-12-31'],
    ['2026-01-01 02:00:00 +0000', '2025-12-31'],
    ['20261102', '2026-11-02'],
    ['2 November 2026', '2026-11-02'],
    ['Nov 2, 2026', '2026-11-02'],
    ['26/10/2026', '2026-10-26'],
    ['10/26/2026', '2026-10-26'],
    ['5/5/2026', '2026-05-05'],
  ])('%s is %s', (text, day) => {
    expect(readDay(text, rules)).toEqual({ day });
  });

  it.each([
    ['04/01/2000', 'may be'],
    ['1/5/26', 'two digits'],
    ['2026-02-30', 'no day'],
    ['45987', "spreadsheet's number"],
    ['2027-01-01', 'future'],
    ['tomorrow', 'not a date'],
    ['2026-11-02 25:00', 'no such time'],
  ])('%s is refused', (text, why) => {
    expect(readDay(text, rules)).toEqual({ problem: expect.stringContaining(why) });
  });

  it('reads by the order that is stated, and by no other', () => {
    expect(readDay('04/01/2000', { ...rules, order: 'mdy' })).toEqual({ day: '2000-04-01' });
    expect(readDay('04/01/2000', { ...rules, order: 'dmy' })).toEqual({ day: '2000-01-04' });
    expect(readDay('26/10/2026', { ...rules, order: 'mdy' })).toHaveProperty('problem');
  });
});

const HEADER = 'date,donor,email,amount,currency,method';
const row = (text: string, header = HEADER) => checkFile(file(`${header}\n${text}\n`));

describe('rows', () => {
  it('tells every reason at once', async () => {
    const { rows } = await row('tomorrow,,nobody@,0,usb,pigeon');
    expect(reasonsOf(rows[0] as never)).toEqual([
      'currency usb is unknown',
      expect.stringContaining('tomorrow is not a date'),
      expect.stringContaining('method pigeon is not one of'),
      'nobody@ is not an e-mail address',
    ]);
  });

  it('never takes today for a date that is blank', async () => {
    const { rows } = await row(',Ada,,5,usd,cash');
    expect(reasonsOf(rows[0] as never)).toEqual(['it has no date']);
  });

  it.each([
    ['2026-11-02,Ada,,4242 4242 4242 4242,usd,cash'],
    ['2026-11-02,Ada,,5,usd,"paid with 4242-4242-4242-4242"'],
    ['2026-11-02,4242424242424242,,5,usd,cash'],
  ])('refuses a card number wherever it is: %s', async (text) => {
    const { rows } = await row(text);
    expect(rows[0]?.row).toMatchObject({ kind: 'rejected', hasCard: true });
    expect(JSON.stringify(reasonsOf(rows[0] as never))).not.toContain('4242');
  });

  it.each([
    ['2026-11-02,Ada,,1,000.00,usd,cash', 'it has 7 cells where the header has 6'],
    ['2026-11-02,Ada,,5,usd', 'it has 5 cells where the header has 6'],
  ])('refuses a row of another width: %s', async (text, reason) => {
    const { rows } = await row(text);
    expect(reasonsOf(rows[0] as never)).toEqual([reason]);
  });

  it('keeps zeros, and refuses those that a spreadsheet took', async () => {
    const header = `${HEADER},check number,postcode,country`;
    const kept = await row('2026-11-02,Ada,,5,usd,check,000123,07065,US', header);
    expect(giftOf(kept.rows[0] as never)).toMatchObject({
      checkNumber: '000123',
      donor: { postcode: '07065' },
    });
    const wrapped = await row('2026-11-02,Ada,,5,usd,check,1,"=""07065""",US', header);
    expect(giftOf(wrapped.rows[0] as never).donor.postcode).toBe('07065');
    const lost = await row('2026-11-02,Ada,,5,usd,check,1.23E+12,7065,US', header);
    expect(reasonsOf(lost.rows[0] as never).join()).toMatch(
      /lost a zero.*damaged by a spreadsheet/,
    );
  });

  it('takes formulas for data', async () => {
    const { rows } = await row('2026-11-02,"=HYPERLINK(""x"")",,5,usd,cash');
    expect(giftOf(rows[0] as never).donor.name).toBe('=HYPERLINK("x")');
  });

  it('wants shares to add up', async () => {
    const header = `${HEADER},fund,fund amount,fund 2,fund 2 amount`;
    const good = await row('2026-11-02,Ada,,5,usd,cash,A,3,B,2', header);
    expect(giftOf(good.rows[0] as never).funds).toHaveLength(2);
    const bad = await row('2026-11-02,Ada,,5,usd,cash,A,3,B,1', header);
    expect(reasonsOf(bad.rows[0] as never).join()).toMatch(/does not add up/);
  });

  it('names a donor of whom only an address is known by it, and nobody Anonymous', async () => {
    const { rows } = await row(
      '2026-11-02,,ada@example.org,5,usd,cash\n2026-11-02,anonymous,,5,usd,cash',
    );
    expect(giftOf(rows[0] as never).donor.name).toBe('ada@example.org');
    expect(giftOf(rows[1] as never)).toMatchObject({
      anonymous: true,
      donor: { name: 'Anonymous' },
    });
  });
});

describe('identity', () => {
  it('is the source’s id, else what the gift says however it is written', async () => {
    const header = `${HEADER},transaction id`;
    const { rows } = await row(
      [
        '2026-11-02,Ada,a@example.org,5,usd,cash,',
        '2026-11-02, ADA ,A@example.org,5.00,USD,Cash,',
        '2026-11-03,Ada,a@example.org,5,usd,cash,',
        '2026-11-03,Ada,a@example.org,5,usd,cash,t1',
        '2026-11-09,Bob,b@example.org,9,usd,check,t1',
      ].join('\n'),
      header,
    );
    const [a, b, c, d, e] = rows.map((each) => fingerprintOf(giftOf(each)));
    expect(a).toBe(b);
    expect(new Set([a, c, d]).size).toBe(3);
    expect(d).toBe(e);
  });

  it('counts what comes again, also when its table grows', () => {
    const counter = new OccurrenceCounter();
    const key = (i: number) => (i * 2654435761).toString(16).padStart(32, '0').slice(-32);
    const keys = Array.from({ length: 20_000 }, (_, i) =>
      key(i + 1).replace(/^0{16}/, () => (i + 1).toString(16).padStart(16, '0')),
    );
    expect(keys.map((each) => counter.next(each)).every((count) => count === 1)).toBe(true);
    expect(keys.map((each) => counter.next(each)).every((count) => count === 2)).toBe(true);
  });
});

describe('likeness of names', () => {
  it.each([
    ['Jon Smith', 'Jonathan Smith', true],
    ['J Smith', 'Jonathan Smith', true],
    ['Lovelace, Ada', 'Ada Lovelace', true],
    ['Müller Jürgen', 'Jurgen Muller', true],
    ['Ada Lovelace', 'Charles Babbage', false],
    ['Ada Lovelace', 'William King', false],
  ])('%s and %s: %s', (one, other, alike) => {
    expect(likeness(one, other) >= 0.9).toBe(alike);
  });
});
