import { looksLikeCardNumber } from '../../mask.ts';
import type { Field } from '../map/fields.ts';
import type { Mapping } from '../map/mapping.ts';
import type { Cell } from '../read/cells.ts';
import { createAmountReader } from './amounts.ts';
import { createDayReader } from './dates.ts';
import { isAnonymous, readDonor } from './donor.ts';
import type { CheckedRow, ImportedGift, MoneyOf, TextOf } from './gift.ts';
import { matchOf } from './match.ts';
import { readDates, readFunds, readGoods, readTheMethod, readTheTribute } from './parts.ts';
import { cellText, isPlain, isShortened, oneLine, problemOf } from './text.ts';
import { createCountryReader, isComplete, readYesNo } from './words.ts';

export interface CheckRules {
  header: string[];
  mapping: Mapping;
  /** Whether times of day without a zone are in UTC. */
  timesAreUtc: boolean;
  /** In the organisation's time zone. */
  today: string;
  /** The organisation's country, for addresses without one. */
  country: string;
  /** ISO 4217 codes, lower case. */
  currencies: ReadonlySet<string>;
}

const MOST: Partial<Record<Field, number>> = { note: 5000, in_kind_description: 1000, email: 254 };
const MOST_CHARACTERS = 200;
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
    const text: TextOf = (field) => {
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
    const money: MoneyOf = (field) => {
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
    const donor = readDonor(text, reasons, { country: rules.country, readCountry });
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
          softName && !isAnonymous(softName)
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

/** Why a row is no gift (yet), though nothing is wrong with it. */
function setAside(text: TextOf): string | undefined {
  const test = text('test_mode');
  if (test !== undefined && (readYesNo(test) || /^test$/i.test(test))) return 'it is a test';
  const status = text('status');
  if (status !== undefined && !isComplete(status)) return `its status is ${status}`;
  return undefined;
}
