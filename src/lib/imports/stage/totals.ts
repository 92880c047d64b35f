import type { LocalStore } from '../../local/sqlite.ts';
import { decimalAmount } from '../../money.ts';
import { fromCopyText } from './copy-text.ts';
import { pagesOfRows, type Verdict } from './rows.ts';

/** Sums of gifts: minor units by currency. */
export interface Totals {
  gifts: number;
  /** Rows with gifts. */
  rows: number;
  byCurrency: Record<string, bigint>;
  /** Method or fund → currency → minor units. */
  byMethod: Record<string, Record<string, bigint>>;
  byFund: Record<string, Record<string, bigint>>;
}

const UNRESTRICTED = '(unrestricted)';
const MOST_FUNDS = 1000;
const OTHERS = '(others)';

/** Adds up the gifts of the rows with these verdicts. */
export function describeRows(store: LocalStore, batch: string, verdicts: Verdict[]): Totals {
  const totals: Totals = { gifts: 0, rows: 0, byCurrency: {}, byMethod: {}, byFund: {} };
  for (const rows of pagesOfRows(store, batch, verdicts)) {
    for (const { gifts } of rows) {
      if (gifts.length > 0) totals.rows++;
      for (const gift of gifts) addGift(totals, gift);
    }
  }
  return totals;
}

// Places among STAGED_COLUMNS; splitting only what is needed matters with a million rows.
const [AMOUNT, CURRENCY, METHOD, FUND_1, FUND_3_MINOR] = [5, 6, 7, 13, 18];

function addGift(totals: Totals, gift: string): void {
  const cells = gift.split('\t', FUND_3_MINOR + 1);
  const amount = BigInt(cells[AMOUNT] as string);
  const currency = cells[CURRENCY] as string;
  totals.gifts++;
  totals.byCurrency[currency] = (totals.byCurrency[currency] ?? 0n) + amount;
  addTo(totals.byMethod, cells[METHOD] as string, currency, amount);
  if (cells[FUND_1] === '\\N') {
    addTo(totals.byFund, UNRESTRICTED, currency, amount);
    return;
  }
  for (let i = FUND_1; i < FUND_3_MINOR; i += 2) {
    const fund = cells[i] as string;
    if (fund === '\\N') continue;
    const isKnown = Object.hasOwn(totals.byFund, fund);
    const name = isKnown || Object.keys(totals.byFund).length < MOST_FUNDS ? fund : OTHERS;
    addTo(totals.byFund, name, currency, BigInt(cells[i + 1] as string));
  }
}

function addTo(
  sums: Record<string, Record<string, bigint>>,
  name: string,
  currency: string,
  minor: bigint,
): void {
  let sum = sums[name];
  if (!sum) {
    sum = {};
    sums[name] = sum;
  }
  sum[currency] = (sum[currency] ?? 0n) + minor;
}

/** Minor units by currency as scripts read them: capitals → decimal text. */
export const toDecimals = (totals: Record<string, bigint | string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(totals)
      .filter(([, minor]) => BigInt(minor) !== 0n)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([currency, minor]) => [
        currency.toUpperCase(),
        decimalAmount({ minor: BigInt(minor), currency }),
      ]),
  );

/** A staged gift as a person reads it in one line. */
export function giftLine(gift: string): string {
  const { amount_minor, currency, gift_on, method, check_number, donor_name, email, fund_1 } =
    fromCopyText(gift);
  const amount = decimalAmount({
    minor: BigInt(amount_minor as string),
    currency: currency as string,
  });
  return [
    gift_on,
    `${currency?.toUpperCase()} ${amount}`,
    check_number ? `${method} ${check_number}` : method,
    email && email !== donor_name ? `${donor_name} <${email}>` : donor_name,
    fund_1,
  ]
    .filter(Boolean)
    .join('  ');
}
