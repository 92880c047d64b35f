import { looksLikeCardNumber } from '../../mask.ts';
import type { Field } from '../map/fields.ts';
import type { Mapping } from '../map/mapping.ts';
import type { Cell } from '../read/cells.ts';
import { createAmountReader } from './amounts.ts';
import { createDayReader } from './dates.ts';
import type { CheckedRow, ImportedDonor, ImportedGift } from './gift.ts';
import { cellText, isPlain, isShortened, oneLine, problemOf } from './text.ts';
import {
  createCountryReader,
  IMPORTED_METHODS,
  type ImportedMethod,
  isComplete,
  isOrganization,
  readMethod,
  readTribute,
  readYesNo,
} from './words.ts';

export interface CheckRules {
  header: string[];
  mapping: Mapping;
  /** Whether times of day without a zone are in UTC. */
  timesAreUtc: boolean;
  /** In the organisation's time zone. */
  today: string;
  /** The organisation's, for addresses that name none. */
  country: string;
  /** ISO 4217 codes, lower case. */
  currencies: ReadonlySet<string>;
}

const MOST: Partial<Record<Field, number>> = { note: 5000, in_kind_description: 1000, email: 254 };
const MOST_CHARACTERS = 200;
const ANONYMOUS = /^(anonymous|anon\.?|not shared by donor|name withheld|anonym)$/i;
// As donate checks it.
const EMAIL = /^[^\s@<>"(),;:\\[\]]+@[^\s@.]+(\.[^\s@.]+)+$/;
const CARD_PREFILTER = /\d(?:[ -]?\d){12}/;
const IDS: ReadonlySet<Field> = new Set(['check_number', 'source_id', 'donor_id', 'postcode']);

/** Whether a cell has to be looked at as a number of which a spreadsheet has lost digits. */
const mayBeShortened = (field: Field, cell: string) => IDS.has(field) && /e/i.test(cell);

/** Makes the check for the rows of one file. */
export function createRowChecker(rules: CheckRules): (cells: Cell[]) => CheckedRow {
  const { header, mapping, currencies } = rules;
  const readAmount = createAmountReader(mapping.locale);
  const readDay = createDayReader({
    order: mapping.dates,
    timeZone: mapping.timeZone,
    timesAreUtc: rules.timesAreUtc,
    today: rules.today,
  });
  const readCountry = createCountryReader();
  const column = new Map<Field, number>();
  mapping.fields.forEach((field, i) => {
    if (field) column.set(field, i);
  });

  return (cells) => {
    const card = findCard(cells, header);
    if (card !== undefined) {
      const reason = `"${card}" holds what looks like a card number, which must never come here`;
      return { kind: 'rejected', reasons: [reason], hasCard: true };
    }
    const reasons: string[] = [];
    if (cells.length !== header.length && !onlyBlanksBeyond(cells, header.length)) {
      reasons.push(`it has ${cells.length} cells where the header has ${header.length}`);
      return { kind: 'rejected', reasons, hasCard: false };
    }
    const raw = (field: Field): Cell | undefined => {
      const at = column.get(field);
      return at === undefined ? undefined : cells[at];
    };
    const nameOf = (field: Field) => header[column.get(field) ?? -1] ?? field;
    const text = (field: Field): string | undefined => {
      const cell = raw(field);
      if (cell === undefined) return mapping.defaults[field];
      const most = MOST[field] ?? MOST_CHARACTERS;
      if (isPlain(cell) && cell.length <= most && !mayBeShortened(field, cell)) return cell;
      const value = cellText(cell);
      if (value === '') return mapping.defaults[field];
      const problem = problemOf(value, most);
      if (problem) {
        reasons.push(`${nameOf(field)} ${problem}`);
        return undefined;
      }
      if (IDS.has(field) && isShortened(cell, value)) {
        reasons.push(`${nameOf(field)} ${value} was damaged by a spreadsheet: digits are lost`);
        return undefined;
      }
      return field === 'note' ? value : oneLine(value);
    };

    const aside = setAside(text);
    if (aside) return { kind: 'skipped', reason: aside };

    const currency = text('currency')?.toLowerCase();
    if (currency === undefined) reasons.push('it has no currency');
    else if (!currencies.has(currency)) reasons.push(`currency ${currency} is unknown`);
    const money = (field: Field): bigint | undefined => {
      const cell = raw(field);
      if (cell === undefined || cellText(cell) === '' || !currency || !currencies.has(currency))
        return undefined;
      if (field !== 'amount' && isZero(cell)) return undefined;
      const amount = readAmount(typeof cell === 'number' ? cell : cellText(cell), currency);
      if ('minor' in amount) return amount.minor;
      reasons.push(
        field === 'amount' ? amount.problem : amount.problem.replace(/^amount/, nameOf(field)),
      );
      return undefined;
    };
    const day = (field: Field): string | undefined => {
      const value = text(field);
      if (value === undefined) return undefined;
      const read = readDay(value);
      if ('day' in read) return read.day;
      reasons.push(`${nameOf(field)} ${read.problem}`);
      return undefined;
    };

    const match = money('match_amount');
    const isBlank = cellText(raw('amount')) === '' && mapping.defaults.amount === undefined;
    const onlyMatch = match !== undefined && (isBlank || isZero(raw('amount') ?? ''));
    if (isBlank && !onlyMatch) reasons.push('it has no amount');
    const amount = onlyMatch ? undefined : money('amount');
    const refunded = money('refunded_amount');
    if (refunded !== undefined && amount !== undefined) {
      if (refunded >= amount) return { kind: 'skipped', reason: 'it was refunded' };
      reasons.push('part of it was refunded: enter what remains by hand');
    }

    const dates = readDates(day, reasons);
    const method = readTheMethod(text('method'), reasons);
    const donor = readDonor(text, reasons, rules, readCountry);
    const funds = amount === undefined ? [] : readFunds(amount, text, money, reasons);
    const goods = readGoods(amount, text, money, reasons);
    const tribute = readTheTribute(text, reasons);
    const softName = text('soft_credit');
    const softEmail = text('soft_credit_email');
    const common = {
      checkNumber: text('check_number'),
      campaign: text('campaign'),
      appeal: text('appeal'),
      inKindDescription: text('in_kind_description'),
      note: text('note'),
      source: text('source') ?? mapping.source,
      sourceId: text('source_id'),
    };
    const matchOrganization = text('match_organization');
    if (match !== undefined && !matchOrganization)
      reasons.push('it has a match but does not say of which employer');

    if (reasons.length > 0 || !donor || !dates || !method || !currency)
      return { kind: 'rejected', reasons: [...new Set(reasons)], hasCard: false };
    const gifts: ImportedGift[] = [];
    if (amount !== undefined) {
      gifts.push({
        ...common,
        ...dates,
        part: 'gift',
        amountMinor: amount,
        currency,
        method,
        funds,
        donor: donor.donor,
        anonymous: donor.anonymous,
        softCredit:
          softName && !ANONYMOUS.test(softName)
            ? { name: softName, email: softEmail }
            : donor.contact
              ? { name: donor.contact, email: undefined }
              : undefined,
        tribute,
        goods,
      });
    }
    if (match !== undefined && matchOrganization)
      gifts.push(matchOf(match, matchOrganization, { ...common, ...dates, currency }, donor));
    return { kind: 'gifts', gifts };
  };
}

function findCard(cells: Cell[], header: string[]): string | undefined {
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i] as Cell;
    const text = typeof cell === 'number' ? (cell > 1e12 ? String(cell) : '') : cell;
    if (text.length > 12 && CARD_PREFILTER.test(text) && looksLikeCardNumber(text))
      return header[i] ?? `column ${i + 1}`;
  }
  return undefined;
}

const onlyBlanksBeyond = (cells: Cell[], width: number) =>
  cells.length > width && cells.slice(width).every((cell) => cellText(cell) === '');

const isZero = (cell: Cell) =>
  typeof cell === 'number' ? cell === 0 : /^\D{0,4}0+(?:[.,]0+)?\D{0,4}$/.test(cell.trim());

type Text = (field: Field) => string | undefined;

/** Why a row is no gift (yet), though nothing is wrong with it. */
function setAside(text: Text): string | undefined {
  const test = text('test_mode');
  if (test !== undefined && (readYesNo(test) || /^test$/i.test(test))) return 'it is a test';
  const status = text('status');
  if (status !== undefined && !isComplete(status)) return `its status is ${status}`;
  return undefined;
}

type Dates = Pick<ImportedGift, 'giftOn' | 'postmarkedOn' | 'receivedOn' | 'depositedOn'>;

/** A mailed check is given on the day of its postmark: 26 CFR 1.170A-1(b). */
function readDates(day: Text, reasons: string[]): Dates | undefined {
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

function readTheMethod(word: string | undefined, reasons: string[]): ImportedMethod | undefined {
  if (word === undefined) {
    reasons.push('it does not say how it was made (check, cash, wire …)');
    return undefined;
  }
  const method = readMethod(word);
  if (!method) reasons.push(`method ${word} is not one of ${IMPORTED_METHODS.join(', ')}`);
  return method;
}

interface ReadDonor {
  donor: ImportedDonor;
  anonymous: boolean;
  /** Who stands beside an organisation that gives. */
  contact: string | undefined;
}

function readDonor(
  text: Text,
  reasons: string[],
  rules: CheckRules,
  readCountry: (text: string) => string | undefined,
): ReadDonor | undefined {
  const type = text('donor_type');
  const organization = text('organization');
  const given = text('first_name');
  const family = text('last_name');
  const whole = text('donor_name');
  const email = text('email')?.replace(/^mailto:/i, '');
  const anonymousWord = text('anonymous');
  const flagged = anonymousWord === undefined ? false : readYesNo(anonymousWord);
  if (flagged === undefined) reasons.push(`anonymous is ${anonymousWord}, neither yes nor no`);
  if (email !== undefined && !EMAIL.test(email)) reasons.push(`${email} is not an e-mail address`);
  const address = readAddress(text, reasons, rules, readCountry);

  const hidden = [given, family, whole].some((name) => name !== undefined && ANONYMOUS.test(name));
  const full = [given, family, text('suffix')].filter(Boolean).join(' ');
  const person = hidden ? '' : full || whole || '';
  const isOrg =
    type === undefined
      ? organization !== undefined
      : isOrganization(type) && !!(organization || person);
  const name = isOrg ? organization || person : person || (hidden ? '' : organization);
  const anonymous = Boolean(flagged) || (!isOrg && hidden);
  const shown = name || (email ?? (anonymous ? 'Anonymous' : undefined));
  if (shown === undefined) {
    if (text('donor_id') === undefined) reasons.push('it does not name the donor');
    else reasons.push('it has the donor’s id but no name');
    return undefined;
  }
  if (!/[\p{L}\p{N}]/u.test(shown)) reasons.push(`donor ${shown} has neither a letter nor a digit`);
  return {
    donor: {
      kind: isOrg ? 'organization' : 'person',
      name: shown,
      givenName: isOrg || hidden ? undefined : given,
      familyName: isOrg || hidden ? undefined : family,
      email,
      ...address,
      sourceId: text('donor_id'),
    },
    anonymous,
    contact: isOrg && organization && person ? person : undefined,
  };
}

function readAddress(
  text: Text,
  reasons: string[],
  { country: home }: CheckRules,
  readCountry: (text: string) => string | undefined,
) {
  const postcode = text('postcode');
  const named = text('country');
  const country = named === undefined ? undefined : readCountry(named);
  if (named !== undefined && country === undefined) reasons.push(`country ${named} is unknown`);
  if (postcode && /^\d{3,4}$/.test(postcode) && (country ?? home) === 'US')
    reasons.push(
      `postcode ${postcode} has lost a zero at its beginning: it should be ${postcode.padStart(5, '0')}`,
    );
  return {
    street: text('street'),
    street2: text('street_2'),
    city: text('city'),
    region: text('state'),
    postcode,
    country,
  };
}

type MoneyOf = (field: Field) => bigint | undefined;

const FUNDS: [Field, Field][] = [
  ['fund', 'fund_amount'],
  ['fund_2', 'fund_2_amount'],
  ['fund_3', 'fund_3_amount'],
];

/** The allocations add up to the gift. A single fund with no amount has all of it. */
function readFunds(
  amount: bigint,
  text: Text,
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

function readGoods(
  amount: bigint | undefined,
  text: Text,
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

function readTheTribute(text: Text, reasons: string[]): ImportedGift['tribute'] {
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

/** The employer's gift. Who gave first is thanked for it. */
function matchOf(
  amountMinor: bigint,
  organization: string,
  common: Omit<
    ImportedGift,
    | 'part'
    | 'amountMinor'
    | 'method'
    | 'funds'
    | 'donor'
    | 'anonymous'
    | 'softCredit'
    | 'tribute'
    | 'goods'
  >,
  { donor, anonymous }: ReadDonor,
): ImportedGift {
  return {
    ...common,
    part: 'match',
    amountMinor,
    method: 'matching',
    checkNumber: undefined,
    inKindDescription: undefined,
    funds: [],
    donor: {
      kind: 'organization',
      name: organization,
      givenName: undefined,
      familyName: undefined,
      email: undefined,
      street: undefined,
      street2: undefined,
      city: undefined,
      region: undefined,
      postcode: undefined,
      country: undefined,
      sourceId: undefined,
    },
    anonymous: false,
    softCredit: anonymous ? undefined : { name: donor.name, email: donor.email },
    tribute: undefined,
    goods: undefined,
  };
}
