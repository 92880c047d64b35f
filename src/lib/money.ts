import { usageError } from './errors.ts';
import { quoted } from './text.ts';

/**
 * An amount in minor units (cents; whole yen; fils) of an ISO 4217 currency. The code is in lower
 * case, as in Stripe's API.
 */
export interface Money {
  minor: bigint;
  currency: string;
}

// The decimals that Stripe uses where they are not two. Our amounts must mean what Stripe charges,
// so `Intl` is not used: it has 0 for HUF and ISK, which are charged in hundredths.
// https://docs.stripe.com/currencies#zero-decimal and #three-decimal (the last digit must be 0)
const ZERO_DECIMAL = 'bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' ');
const THREE_DECIMAL = 'bhd jod kwd omr tnd'.split(' ');
// Charged in hundredths, although only whole units exist.
// https://docs.stripe.com/currencies#special-cases
const WHOLE_UNITS_ONLY = ['isk', 'ugx'];

/** The limits of an amount, by method of payment. */
export interface AmountLimits {
  maxMinor: bigint;
  /** Describes the largest amount in error messages. */
  maxIs: string;
  /** Whether only the units that Stripe charges are allowed. */
  chargedUnits: boolean;
}

/** A card payment: at most eight digits. https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts */
export const CARD_LIMITS: AmountLimits = {
  maxMinor: 99_999_999n,
  maxIs: 'the most that can be charged at once',
  chargedUnits: true,
};

/** Any other gift, such as a wire or a bequest. More than ten billion dollars is a typing error. */
export const GIFT_LIMITS: AmountLimits = {
  maxMinor: 999_999_999_999n,
  maxIs: 'the most that one gift can be',
  chargedUnits: false,
};

/** Longer than any amount with its currency. */
const MAX_TEXT = 64;

/** All currencies that are accepted, in lower case: the active ISO 4217 codes in `Intl`. */
export const currencies = (): string[] =>
  Intl.supportedValuesOf('currency').map((code) => code.toLowerCase());

/** The number of decimals of the currency's amounts: 2 for usd, 0 for jpy, 3 for bhd. */
export function currencyExponent(currency: string): number {
  if (ZERO_DECIMAL.includes(currency)) return 0;
  return THREE_DECIMAL.includes(currency) ? 3 : 2;
}

/**
 * Parses a currency code as a person types it.
 * @throws UserError `usage` when there is no such currency.
 */
export function parseCurrency(text: string): string {
  const code = text.trim().toLowerCase();
  if (
    !/^[a-z]{3}$/.test(code) ||
    !Intl.supportedValuesOf('currency').includes(code.toUpperCase())
  ) {
    throw usageError(
      `unknown currency ${quoted(text)}`,
      'Use an ISO 4217 code, such as usd, eur or jpy.',
    );
  }
  return code;
}

/**
 * Parses an amount as a person types it: `50`, `$1,250.00`, `USD 12.5`, and `1.250,00` in a locale
 * that writes it so. Ambiguous amounts are refused.
 *
 * @param locale BCP 47; decides the decimal separator.
 * @param limits the limits of the method of payment.
 * @throws UserError `usage` for anything that is not an amount above zero with the currency's
 *   decimals.
 */
export function parseAmount(
  text: string,
  currency: string,
  locale = 'en-US',
  limits: AmountLimits = CARD_LIMITS,
): Money {
  const refuse = (why: string, hint = 'Write it like 50 or 1,250.00.') =>
    usageError(`amount ${quoted(text)} ${why}`, hint);
  if (text.length > MAX_TEXT) throw refuse('is not an amount');
  const exponent = currencyExponent(currency);
  const parts = new Intl.NumberFormat(locale).formatToParts(12345.6);
  const decimal = parts.find((part) => part.type === 'decimal')?.value ?? '.';
  const group = typed(parts.find((part) => part.type === 'group')?.value ?? ',');

  const number = typed(stripCurrency(text, currency));
  if (number.startsWith('-')) throw refuse('is negative', 'A donation is an amount above zero.');
  const literal = (sign: string) => sign.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const fractional = `(?:${literal(decimal)}(\\d+))?`;
  const grouping = `\\d{1,3}(?:${literal(group)}\\d{3})+`;
  const match = new RegExp(`^(\\d+|${grouping})${fractional}$`).exec(number);
  if (!match)
    throw refuse(
      'is not an amount',
      `With locale ${locale} write it like 1${group}250${decimal}00.`,
    );
  const [, whole = '', fraction = ''] = match;
  // In German `0.500` is 500 by the rules, but a person means a half: a thousand is not written with
  // a leading 0.
  if (/^0\D/.test(whole) || /^00|^0\d/.test(whole)) {
    throw refuse(
      'can be read in two ways: it begins with a zero',
      `With locale ${locale} write it like 1${group}250${decimal}00 or 0${decimal}50.`,
    );
  }
  if (exponent === 3 && whole.includes(group) && fraction === '') {
    throw refuse(
      `is ambiguous: ${currency.toUpperCase()} has three decimals`,
      `Write ${whole.replaceAll(group, '')}${decimal}000 or 1${decimal}250.`,
    );
  }
  if (fraction.length > exponent) {
    throw refuse(
      `has too many decimals: ${currency.toUpperCase()} has ${exponent === 0 ? 'none' : exponent}`,
    );
  }
  const minor = BigInt(whole.replaceAll(group, '') + fraction.padEnd(exponent, '0'));
  if (minor <= 0n) throw refuse('is zero', 'A donation is an amount above zero.');
  if (minor > limits.maxMinor) {
    throw refuse(
      `is more than ${formatMoney({ minor: limits.maxMinor, currency })}, ${limits.maxIs}`,
    );
  }
  if (!limits.chargedUnits) return { minor, currency };
  if (exponent === 3 && minor % 10n !== 0n) {
    throw refuse(
      `ends in a third decimal: ${currency.toUpperCase()} is charged in tens of its smallest unit`,
    );
  }
  if (WHOLE_UNITS_ONLY.includes(currency) && minor % 100n !== 0n) {
    throw refuse(`has decimals: ${currency.toUpperCase()} is charged in whole units`);
  }
  return { minor, currency };
}

// People type plain blanks and apostrophes instead of those that `Intl` writes.
const typed = (text: string) => text.replace(/\s/g, ' ').replace(/’/g, "'");

function stripCurrency(text: string, currency: string): string {
  const code = currency.toUpperCase();
  const symbol = new Intl.NumberFormat('en', {
    style: 'currency',
    currency: code,
    currencyDisplay: 'narrowSymbol',
  })
    .formatToParts(1)
    .find((part) => part.type === 'currency')?.value;
  let rest = text.trim();
  // The sign and the code may both be present, as in `$1,250.00 USD`.
  for (const mark of [code, code.toLowerCase(), symbol ?? code]) {
    if (rest.startsWith(mark)) rest = rest.slice(mark.length).trim();
    else if (rest.endsWith(mark)) rest = rest.slice(0, -mark.length).trim();
  }
  return rest;
}

/** The amount as a plain decimal number, for scripts and CSV: `1250.00`. */
export function decimalAmount({ minor, currency }: Money): string {
  const exponent = currencyExponent(currency);
  if (exponent === 0) return minor.toString();
  const digits = minor.toString().padStart(exponent + 1, '0');
  return `${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

/**
 * The amount for people, with its currency: `$1,250.00 USD` in `en-US`, `1.250,00 € EUR` in `de`.
 */
export const formatMoney = (money: Money, locale = 'en-US') =>
  createMoneyFormatter()(money, locale);

/** `formatMoney` for many amounts: it caches the formats, which are slow to create. */
export function createMoneyFormatter(): (money: Money, locale: string) => string {
  const formats = new Map<string, Intl.NumberFormat>();
  return (money, locale) => {
    const key = `${locale} ${money.currency}`;
    let format = formats.get(key);
    if (!format) {
      const exponent = currencyExponent(money.currency);
      format = new Intl.NumberFormat(locale, {
        style: 'currency',
        currency: money.currency.toUpperCase(),
        currencyDisplay: 'narrowSymbol',
        minimumFractionDigits: exponent,
        maximumFractionDigits: exponent,
      });
      formats.set(key, format);
    }
    // A decimal string is formatted exactly; a number would be converted to floating point.
    const text = format.format(decimalAmount(money) as unknown as number);
    const code = money.currency.toUpperCase();
    return text.includes(code) ? text : `${text} ${code}`;
  };
}
