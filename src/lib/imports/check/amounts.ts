import { UserError } from '../../errors.ts';
import { currencyExponent, GIFT_LIMITS, parseAmount } from '../../money.ts';
import type { Cell } from '../read/cells.ts';

/** Minor units, or what is wrong. */
export type Amount = { minor: bigint } | { problem: string };

/** Longer than the largest gift in minor units. */
const MOST_DIGITS = 15;

/**
 * Reads the amounts of a file. A plain number in the file's locale is read here, exactly; whatever
 * else is written goes through `parseAmount`, which refuses what is ambiguous.
 */
export function createAmountReader(locale: string): (cell: Cell, currency: string) => Amount {
  const decimal =
    new Intl.NumberFormat(locale).formatToParts(1.5).find(({ type }) => type === 'decimal')
      ?.value ?? '.';
  const patterns = new Map<string, { plain: RegExp; grouped: RegExp; exponent: number }>();
  const group = new Intl.NumberFormat(locale, { useGrouping: true })
    .formatToParts(1234567)
    .find(({ type }) => type === 'group')?.value;
  const patternsOf = (currency: string) => {
    let found = patterns.get(currency);
    if (!found) {
      const exponent = currencyExponent(currency);
      const fraction = exponent > 0 ? `(?:${literal(decimal)}(\\d{${exponent}}))?` : '()';
      const sign = literal(symbolOf(currency));
      const spaced = /\s/.test(group ?? '') ? '[\\s\\u00a0\\u202f]' : literal(group ?? ',');
      found = {
        plain: new RegExp(`^(\\d{1,${MOST_DIGITS}})${fraction}$`),
        // `$1,250.00`, with every part written in full.
        grouped: new RegExp(
          `^(?:${sign}\\s?)?([1-9]\\d{0,2}(?:${spaced}\\d{3})*)${exponent > 0 ? fraction.slice(0, -1) : '()'}(?:\\s?(?:${sign}|${currency}))?$`,
          'i',
        ),
        exponent,
      };
      patterns.set(currency, found);
    }
    return found;
  };
  return (cell, currency) => {
    if (typeof cell === 'number') return fromNumber(cell, currency);
    const text = cell.trim();
    const { plain, grouped, exponent } = patternsOf(currency);
    const match = plain.exec(text) ?? grouped.exec(text);
    if (match) {
      const [, whole = '', fraction = ''] = match;
      const digits = whole.replace(/\D/g, '') + fraction.padEnd(exponent, '0');
      if (digits.length > MOST_DIGITS) return tooMuch(text);
      return checkedAmount(BigInt(digits), text, currency);
    }
    return refused(text, currency, locale);
  };
}

const literal = (sign: string) => sign.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function symbolOf(currency: string): string {
  const parts = new Intl.NumberFormat('en', {
    style: 'currency',
    currency: currency.toUpperCase(),
    currencyDisplay: 'narrowSymbol',
  }).formatToParts(1);
  return parts.find(({ type }) => type === 'currency')?.value ?? currency;
}

function refused(text: string, currency: string, locale: string): Amount {
  if (/^-|^\(.*\)$/.test(text))
    return { problem: `amount ${short(text)} is negative: a refund is not imported as a gift` };
  if (/^=/.test(text)) return { problem: `amount ${short(text)} is a formula, not an amount` };
  if (/^\d+(?:[.,]\d+)?e[+-]?\d+$/i.test(text))
    return { problem: `amount ${short(text)} was damaged by a spreadsheet` };
  if (text.replace(/\D/g, '').length > MOST_DIGITS) return tooMuch(text);
  try {
    return checkedAmount(parseAmount(text, currency, locale, GIFT_LIMITS).minor, text, currency);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return {
      problem: `${error.message.replaceAll('"', '')}${error.hint ? `. ${error.hint}` : ''}`,
    };
  }
}

function checkedAmount(minor: bigint, text: string, currency: string): Amount {
  if (minor > GIFT_LIMITS.maxMinor) return tooMuch(text);
  if (minor > 0n) return { minor };
  return { problem: `amount ${short(text)} ${currency.toUpperCase()} is zero` };
}

/** A number of a workbook: the decimal number that is meant by the double that is stored. */
function fromNumber(value: number, currency: string): Amount {
  const exponent = currencyExponent(currency);
  if (!(value > 0)) {
    return {
      problem:
        value === 0
          ? 'amount 0 is zero'
          : `amount ${value} is negative: a refund is not imported as a gift`,
    };
  }
  if (value >= 1e11) return tooMuch(String(value));
  const text = value.toFixed(exponent);
  // A spreadsheet keeps 15 digits; what it adds beyond them is no part of the amount.
  if (Math.abs(Number(text) - value) > Math.max(1e-9, value * 1e-13))
    return {
      problem: `amount ${value} has too many decimals: ${currency.toUpperCase()} has ${exponent || 'none'}`,
    };
  return checkedAmount(BigInt(text.replace('.', '')), text, currency);
}

const tooMuch = (text: string): Amount => ({ problem: `amount ${short(text)} is beyond any gift` });
const short = (text: string) => (text.length > 40 ? `${text.slice(0, 40)}…` : text);
