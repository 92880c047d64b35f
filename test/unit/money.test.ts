import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/lib/errors.ts';
import {
  decimalAmount,
  formatMoney,
  GIFT_LIMITS,
  parseAmount,
  parseCurrency,
} from '../../src/lib/money.ts';

describe('parseAmount takes what people type', () => {
  const accepted: [text: string, currency: string, locale: string, minor: bigint][] = [
    ['50', 'usd', 'en-US', 5000n],
    ['$1,250.00', 'usd', 'en-US', 125_000n],
    ['USD 12.5', 'usd', 'en-US', 1250n],
    ['12.50 usd', 'usd', 'en-US', 1250n],
    [' 7 ', 'usd', 'en-US', 700n],
    ['0.01', 'usd', 'en-US', 1n],
    ['0.29', 'usd', 'en-US', 29n],
    ['1.250,00', 'eur', 'de-DE', 125_000n],
    ['€ 1.250,5', 'eur', 'de-DE', 125_050n],
    ['1 250,00', 'eur', 'fr-FR', 125_000n],
    ['¥1,000', 'jpy', 'en-US', 1000n],
    ['1000', 'jpy', 'en-US', 1000n],
    ['1.250', 'bhd', 'en-US', 1250n],
    ['1,250.00', 'bhd', 'en-US', 1_250_000n],
    ['100', 'isk', 'en-US', 10_000n],
    ['999,999.99', 'usd', 'en-US', 99_999_999n],
    ['0,50', 'eur', 'de-DE', 50n],
    ['1.250', 'eur', 'de-DE', 125_000n],
    ["1'250.50", 'chf', 'de-CH', 125_050n],
    ['1’250.50', 'chf', 'de-CH', 125_050n],
  ];
  it.each(accepted)('%s %s in %s', (text, currency, locale, minor) => {
    expect(parseAmount(text, currency, locale)).toEqual({ minor, currency });
  });
});

describe('parseAmount refuses what is wrong or ambiguous', () => {
  const refused: [text: string, currency: string, locale: string, why: RegExp][] = [
    ['', 'usd', 'en-US', /not an amount/],
    ['1,25', 'usd', 'en-US', /not an amount/],
    ['1.250 usd', 'usd', 'en-US', /too many decimals/],
    ['1.250,00', 'usd', 'en-US', /not an amount/],
    ['1,250.00', 'eur', 'de-DE', /not an amount/],
    ['12,50,00', 'usd', 'en-US', /not an amount/],
    ['0', 'usd', 'en-US', /zero/],
    ['0.00', 'usd', 'en-US', /zero/],
    ['-5', 'usd', 'en-US', /negative/],
    ['$-5', 'usd', 'en-US', /negative/],
    ['−5', 'usd', 'en-US', /not an amount/],
    ['12.345', 'usd', 'en-US', /too many decimals: USD has 2/],
    ['10.5', 'jpy', 'en-US', /too many decimals: JPY has none/],
    ['1,250', 'bhd', 'en-US', /ambiguous/],
    ['1.255', 'bhd', 'en-US', /third decimal/],
    ['1.2550', 'bhd', 'en-US', /too many decimals/],
    ['10.50', 'isk', 'en-US', /whole units/],
    ['1e3', 'usd', 'en-US', /not an amount/],
    ['0x10', 'usd', 'en-US', /not an amount/],
    ['Infinity', 'usd', 'en-US', /not an amount/],
    ['.', 'usd', 'en-US', /not an amount/],
    ['٥', 'usd', 'en-US', /not an amount/],
    ['€50', 'usd', 'en-US', /not an amount/],
    ['1,000,000.00', 'usd', 'en-US', /the most that can be charged/],
    ['0.500', 'eur', 'de-DE', /read in two ways/],
    ['0.001', 'eur', 'de-DE', /read in two ways/],
    ['0.500,00', 'eur', 'de-DE', /read in two ways/],
    ['0,500', 'usd', 'en-US', /read in two ways/],
    ['0,500.00', 'usd', 'en-US', /read in two ways/],
    ['012.345', 'eur', 'de-DE', /read in two ways/],
    ['050', 'usd', 'en-US', /read in two ways/],
    ['00.50', 'usd', 'en-US', /read in two ways/],
    ['1,2500', 'usd', 'en-US', /not an amount/],
    ['1,250,00', 'usd', 'en-US', /not an amount/],
    ['1250,000', 'usd', 'en-US', /not an amount/],
    ['9'.repeat(131_072), 'usd', 'en-US', /^amount "9{60}…" is not an amount$/],
    ['5\u202e0', 'usd', 'en-US', /^amount "5\\u202e0" is not an amount$/],
    ['9'.repeat(40), 'usd', 'en-US', /the most that can be charged/],
  ];
  it.each(refused)('"%s" %s in %s', (text, currency, locale, why) => {
    const parse = () => parseAmount(text, currency, locale);
    expect(parse).toThrow(UserError);
    expect(parse).toThrow(why);
    expect(parse).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

describe('gifts that are not paid by card', () => {
  const parse = (text: string, currency: string) =>
    parseAmount(text, currency, 'en-US', GIFT_LIMITS);
  it('may be larger, and of units that Stripe does not charge', () => {
    expect(parse('2,500,000', 'usd').minor).toBe(250_000_000n);
    expect(parse('1.255', 'bhd').minor).toBe(1255n);
  });
  it('have a limit of their own', () => {
    expect(() => parse('10,000,000,000', 'usd')).toThrow(/the most that one gift can be/);
  });
});

describe('amounts written out', () => {
  // 2^53 + 1: the first integer that floating point cannot hold.
  const odd = 9_007_199_254_740_993n;
  it('are exact beyond 2^53', () => {
    expect(decimalAmount({ minor: odd, currency: 'usd' })).toBe('90071992547409.93');
    expect(decimalAmount({ minor: odd, currency: 'jpy' })).toBe('9007199254740993');
    expect(formatMoney({ minor: odd, currency: 'usd' })).toBe('$90,071,992,547,409.93 USD');
    expect(formatMoney({ minor: odd, currency: 'jpy' })).toContain('9,007,199,254,740,993');
  });

  it.each([
    [1n, 'usd', '0.01'],
    [29n, 'usd', '0.29'],
    [5000n, 'usd', '50.00'],
    [5n, 'bhd', '0.005'],
    [1250n, 'bhd', '1.250'],
    [7n, 'jpy', '7'],
  ])('%s %s is %s', (minor, currency, text) => {
    expect(decimalAmount({ minor, currency })).toBe(text);
  });

  it('say their currency in every locale', () => {
    expect(formatMoney({ minor: 125_000n, currency: 'usd' })).toBe('$1,250.00 USD');
    expect(formatMoney({ minor: 125_000n, currency: 'eur' }, 'de').replace(/\s/g, ' ')).toBe(
      '1.250,00 € EUR',
    );
    // `Intl` would show no decimals for HUF, but it is charged in hundredths.
    expect(formatMoney({ minor: 1050n, currency: 'huf' })).toContain('10.50');
  });
});

describe('parseCurrency', () => {
  it('takes any case', () => expect(parseCurrency(' EUR ')).toBe('eur'));
  it.each(['', 'us', 'dollars', 'xyz', '$', 'us1'])('refuses "%s"', (text) => {
    expect(() => parseCurrency(text)).toThrow(/unknown currency/);
  });
});
