import type { Command } from 'commander';
import { usageError } from '../../../lib/errors.ts';
import { parseExpectedTotals } from '../../../lib/imports/import.ts';
import type { CommitOptions } from '../../../lib/imports/stage/batches.ts';
import { currencyExponent, parseCurrency } from '../../../lib/money.ts';
import { parseCount } from '../../../lib/parse.ts';

export interface CommitFlags {
  receipts?: boolean;
  receiptAfter?: string;
  partial?: boolean;
  expectCount?: string;
  expectTotal: string[];
  nearDays: string;
  likeness: string;
}

/** Adds the options that say what is imported, and what must hold before anything is. */
export function withCommit(command: Command): Command {
  return withExpected(command)
    .option('--partial', 'import the rows without a fault though others have one')
    .option('--receipts', 'issue and e-mail receipts; otherwise no donor is mailed')
    .option('--receipt-after <day>', 'receipts, but only for gifts from this day on')
    .option('--near-days <n>', 'gifts alike within so many days need a look', '2')
    .option('--likeness <share>', 'donors with names so alike need a look; 0 to 1, or off', '0.9');
}

/** Adds the control totals. */
export const withExpected = (command: Command) =>
  command
    .option('--expect-count <n>', 'how many gifts there must be')
    .option(
      '--expect-total <total>',
      "what they must add up to: 'USD 1234.50'; once for each currency",
      (total: string, others: string[]) => [...others, total],
      [],
    );

export const expectedOf = (
  options: Pick<CommitFlags, 'expectCount' | 'expectTotal'>,
): Pick<CommitOptions, 'expectCount' | 'expectTotals'> => ({
  expectCount:
    options.expectCount === undefined
      ? undefined
      : parseCount(options.expectCount, { min: 0, max: 100_000_000 }),
  expectTotals: parseExpectedTotals(options.expectTotal, readTotal),
});

export function commitOptionsOf(options: CommitFlags): CommitOptions {
  const { receiptAfter } = options;
  if (receiptAfter !== undefined && !isDay(receiptAfter))
    throw usageError(`"${receiptAfter}" is not a day`, 'Write it like 2026-11-23.');
  return {
    receipts: options.receipts === true || receiptAfter !== undefined,
    receiptAfter,
    partial: options.partial === true,
    ...expectedOf(options),
    nearDays: parseCount(options.nearDays, { min: 0, max: 60 }),
    likeness: readLikeness(options.likeness),
  };
}

const isDay = (text: string) =>
  /^\d{4}-\d{2}-\d{2}$/.test(text) &&
  !Number.isNaN(Date.parse(text)) &&
  new Date(text).toISOString().startsWith(text);

function readLikeness(text: string): number {
  if (text === 'off') return 2;
  const share = /^(0?\.\d+|0|1(\.0+)?)$/.test(text) ? Number(text) : Number.NaN;
  if (share >= 0 && share <= 1) return share;
  throw usageError(`"${text}" is not a likeness`, 'From 0 to 1, such as 0.9; or off.');
}

/** A total, which may be larger than any gift: `1234.50` or `1,234.50`. */
function readTotal(amount: string, code: string): bigint {
  const currency = parseCurrency(code);
  const exponent = currencyExponent(currency);
  const match = /^(\d{1,18}|\d{1,3}(?:,\d{3}){1,5})(?:\.(\d+))?$/.exec(amount.trim());
  const fraction = match?.[2] ?? '';
  if (!match || fraction.length > exponent)
    throw usageError(
      `"${amount}" is not a total of ${code.toUpperCase()}`,
      "Write it like 'USD 1234.50'.",
    );
  return BigInt((match[1] as string).replaceAll(',', '') + fraction.padEnd(exponent, '0'));
}
