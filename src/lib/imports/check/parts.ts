import type { Field } from '../map/fields.ts';
import type { ImportedGift, MoneyOf, TextOf } from './gift.ts';
import { IMPORTED_METHODS, type ImportedMethod, readMethod, readTribute } from './words.ts';

// The parts of a gift. Each function adds to `reasons` why its cells cannot be read.

type Dates = Pick<ImportedGift, 'giftOn' | 'postmarkedOn' | 'receivedOn' | 'depositedOn'>;

/** A mailed check is given on the day of its postmark: 26 CFR 1.170A-1(b). */
export function readDates(day: TextOf, reasons: string[]): Dates | undefined {
  const before = reasons.length;
  const gift = day('gift_date');
  const postmarkedOn = day('postmark_date');
  const received = day('received_date');
  const depositedOn = day('deposit_date');
  const giftOn = postmarkedOn ?? gift ?? received;
  if (giftOn) {
    const receivedOn = received ?? gift ?? giftOn;
    if (depositedOn && depositedOn < giftOn)
      reasons.push(`it was deposited on ${depositedOn}, before it was given on ${giftOn}`);
    return { giftOn, postmarkedOn, receivedOn, depositedOn };
  }
  if (reasons.length === before) reasons.push('it has no date');
  return undefined;
}

export function readTheMethod(
  word: string | undefined,
  reasons: string[],
): ImportedMethod | undefined {
  if (word === undefined) {
    reasons.push('it does not say how it was made (check, cash, wire …)');
    return undefined;
  }
  const method = readMethod(word);
  if (!method) reasons.push(`method ${word} is not one of ${IMPORTED_METHODS.join(', ')}`);
  return method;
}

const FUNDS: [Field, Field][] = [
  ['fund', 'fund_amount'],
  ['fund_2', 'fund_2_amount'],
  ['fund_3', 'fund_3_amount'],
];

/** The allocations add up to the gift. A single fund with no amount has all of it. */
export function readFunds(
  amount: bigint,
  text: TextOf,
  money: MoneyOf,
  reasons: string[],
): ImportedGift['funds'] {
  const funds = new Map<string, bigint | undefined>();
  for (const [name, share] of FUNDS) {
    const fund = text(name);
    const minor = money(share);
    if (fund === undefined) {
      if (minor !== undefined) reasons.push(`${share} has no ${name}`);
      continue;
    }
    const before = funds.get(fund);
    funds.set(fund, before !== undefined && minor !== undefined ? before + minor : minor);
  }
  const [only] = funds;
  if (!only) return [];
  if (funds.size === 1 && only[1] === undefined) return [{ fund: only[0], minor: amount }];
  let sum = 0n;
  for (const [fund, minor] of funds) {
    if (minor === undefined) reasons.push(`it does not say how much goes to ${fund}`);
    else sum += minor;
  }
  if (sum !== amount && ![...funds.values()].includes(undefined))
    reasons.push('what goes to its funds does not add up to the amount');
  return [...funds].map(([fund, minor]) => ({ fund, minor: minor ?? 0n }));
}

export function readGoods(
  amount: bigint | undefined,
  text: TextOf,
  money: MoneyOf,
  reasons: string[],
): ImportedGift['goods'] {
  const minor = money('goods_value');
  const description = text('goods_description');
  if (minor === undefined) return undefined;
  if (description === undefined) {
    reasons.push('it has a value of goods or services, but not what they were');
    return undefined;
  }
  if (amount !== undefined && minor > amount)
    reasons.push('the goods or services are worth more than the gift');
  return { minor, description };
}

export function readTheTribute(text: TextOf, reasons: string[]): ImportedGift['tribute'] {
  const type = text('tribute_type');
  const name = text('tribute_name');
  if (name === undefined) return undefined;
  const written = /^in\s+(honou?r|memory)\s+of\s+(.+)$/i.exec(name);
  const kind = type === undefined ? written && readTribute(written[1] ?? '') : readTribute(type);
  if (kind) return { kind, name: written?.[2] ?? name };
  reasons.push(
    type === undefined
      ? `it is a tribute to ${name}, but does not say whether in honor or in memory`
      : `tribute ${type} is neither honor nor memory`,
  );
  return undefined;
}
