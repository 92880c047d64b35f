import { UserError, usageError } from '../errors.ts';
import { givenId } from '../ids.ts';
import { parseCurrency } from '../money.ts';
import { grouped } from '../output/text.ts';
import { parseDuration } from '../parse.ts';
import { brokenCharacter } from '../text.ts';
import { type TermFacts, type TermKind, termNames, type Vocabulary } from './vocabulary.ts';

export type Comparison = '=' | '~' | '>' | '<' | '>=' | '<=';

/** An amount in whole units, exactly as typed. Without a currency it applies to every row's own. */
export interface TypedAmount {
  decimal: string;
  currency: string | undefined;
}

/** A range of days without the last: `2026-11-23` is from that day until the next. */
export interface Days {
  from: string;
  until: string;
}

export type TermValue = string | number | Date | TypedAmount | Days;

/** One condition, `name:value`. Several values are alternatives. */
export interface Term<Name extends string = string> {
  name: Name;
  /** The path of a field: `payload.a.b` gives a, b. */
  path: string[];
  not: boolean;
  operator: Comparison;
  /**
   * The values as typed, except: `age` in milliseconds, `number` as a number, `time` as a Date or
   * milliseconds before now.
   */
  values: TermValue[];
}

/** All terms must hold. */
export interface Filter<Name extends string = string> {
  terms: Term<Name>[];
  /** The text as typed, or composed from options. */
  text: string;
}

/**
 * Limits of a filter. A larger one is a mistake or an attack, and expensive for Postgres.
 * @internal Exported for its tests.
 */
export const FILTER_BOUNDS = { text: 20_000, terms: 50, values: 1000, value: 500, path: 10 };

const ORDERED: Comparison[] = ['=', '>', '<', '>=', '<='];
const COMPARISONS: Record<TermKind, Comparison[]> = {
  choice: ['='],
  serial: ['='],
  id: ['='],
  word: ['=', '~'],
  number: ORDERED,
  amount: ORDERED,
  date: ORDERED,
  age: ['>', '<', '>=', '<='],
  time: ['='],
};

/**
 * Parses a filter: `task:send_receipt error:~timeout age:>1h`. Terms are separated by blanks and
 * must all hold. Values separated by commas are alternatives. A leading `-` negates. `"…"` keeps
 * blanks.
 *
 * @throws UserError `usage` that points at the character and lists what is allowed there.
 */
export function parseFilter<Name extends string>(
  text: string,
  vocabulary: Vocabulary<Name>,
): Filter<Name> {
  const broken = brokenCharacter(text);
  if (broken) throw usageError(`the filter has ${broken}`, 'Type it again without that character.');
  if (text.length > FILTER_BOUNDS.text) {
    throw usageError(
      `the filter has ${grouped(text.length)} characters`,
      `At most ${grouped(FILTER_BOUNDS.text)} are allowed. Use fewer values.`,
    );
  }
  const reader = new Reader(text);
  const terms: Term<Name>[] = [];
  while (reader.skipBlanks()) {
    if (terms.length === FILTER_BOUNDS.terms)
      throw reader.refuse(reader.at, `more than ${terms.length} terms`, 'Use fewer terms.');
    terms.push(readTerm(reader, vocabulary));
  }
  return { terms, text: text.trim() };
}

/** A term in the syntax of filters. */
export function term(name: string, value: string, operator = ''): string {
  const bare = /^[^\s,"\\~<>=]+$/.test(value);
  return `${name}:${operator}${bare ? value : `"${value.replace(/["\\]/g, '\\$&')}"`}`;
}

function readTerm<Name extends string>(reader: Reader, vocabulary: Vocabulary<Name>): Term<Name> {
  const allTerms = () => `Terms: ${termNames(vocabulary).join(' ')}`;
  const isTerm = (word: string): word is Name => Object.hasOwn(vocabulary, word);
  const start = reader.at;
  const not = reader.take(/-/y) !== '';
  const typedName = reader.take(/[^\s:"]+/y);
  if (!reader.take(/:/y)) {
    throw reader.refuse(
      start,
      typedName
        ? `"${short(typedName)}" is not a term: write name:value`
        : 'a term begins with its name',
      allTerms(),
    );
  }
  const [name = '', ...path] = typedName.split('.');
  if (!isTerm(name) || (!vocabulary[name].hasFields && path.length > 0)) {
    throw reader.refuse(start + Number(not), `there is no term "${short(typedName)}"`, allTerms());
  }
  const facts = vocabulary[name];
  const example = `For example ${facts.example}`;
  if (facts.hasFields && (path.length === 0 || path.includes('')))
    throw reader.refuse(start, `the field of the ${name} is missing`, example);
  if (path.length > FILTER_BOUNDS.path)
    throw reader.refuse(start, `more than ${FILTER_BOUNDS.path} fields deep`, example);
  const { operator, at: sign } = readComparison(reader, name, facts);
  const values: TermValue[] = [];
  do {
    const from = reader.at;
    if (values.length === FILTER_BOUNDS.values)
      throw reader.refuse(
        from,
        `${name} has more than ${values.length} values`,
        'Use fewer values.',
      );
    const value = reader.value();
    if (value === '') throw reader.refuse(from, `${name} has no value`, example);
    if (value.length > FILTER_BOUNDS.value)
      throw reader.refuse(
        from,
        `the value is longer than ${FILTER_BOUNDS.value} characters`,
        example,
      );
    values.push(readValue(reader, from, name, facts, value));
  } while (reader.take(/,/y));
  if (values.length > 1 && operator !== '=' && operator !== '~')
    throw reader.refuse(sign, `${operator} takes one value`, example);
  return { name, path, not, operator, values };
}

function readComparison(
  reader: Reader,
  name: string,
  { kind, example }: TermFacts,
): { operator: Comparison; at: number } {
  const at = reader.at;
  const typed = reader.take(/[<>]=?|[=~]/y) as Comparison | '';
  const operator = typed || (kind === 'age' ? '>' : '=');
  if (COMPARISONS[kind].includes(operator)) return { operator, at };
  throw reader.refuse(
    at,
    `${name} cannot be compared with "${typed}"`,
    `Allowed: ${COMPARISONS[kind].join(' ')}, for example ${example}`,
  );
}

function readValue(
  reader: Reader,
  from: number,
  name: string,
  { kind, example, values = [], prefix = '' }: TermFacts,
  value: string,
): TermValue {
  const refuse = (what: string, hint = `For example ${example}`) =>
    reader.refuse(from, `"${short(value)}" ${what}`, hint);
  switch (kind) {
    case 'choice':
      if (values.includes(value)) return value;
      throw reader.refuse(
        from,
        `there is no ${name} "${short(value)}"`,
        `Allowed: ${values.join(' ')}`,
      );
    case 'serial':
      if (/^\d{1,18}$/.test(value)) return value;
      throw refuse(`is not the id of a ${name}`);
    case 'id':
      if (/^[a-z]+_…?\w*$/.test(givenId(value)) && givenId(value).startsWith(prefix))
        return givenId(value);
      throw refuse(`is not the id of a ${name}, which begins with ${prefix}`);
    case 'number':
      if (/^\d{1,6}$/.test(value)) return Number(value);
      throw refuse('is not a number');
    case 'amount':
      return (
        readAmount(value) ?? fail(refuse('is not an amount', 'Write it like 100, 99.50 or 100eur.'))
      );
    case 'date':
      return (
        readDays(value) ??
        fail(refuse('is not a date', 'Write it like 2026-11-23, 2026-11 or 2026.'))
      );
    case 'time':
      if (!/^\d{4}-\d\d-\d\d/.test(value)) return readDuration(reader, from, value);
      return readMoment(value) ?? fail(refuse('is not a time', 'Write it like 2026-11-23T10:00Z.'));
    case 'age':
      return readDuration(reader, from, value);
    case 'word':
      return value;
  }
}

function fail(error: UserError): never {
  throw error;
}

function readAmount(value: string): TypedAmount | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,3})?)([a-z]{3})?$/i.exec(value);
  if (!match) return undefined;
  const [, decimal = '', code] = match;
  if (code === undefined) return { decimal, currency: undefined };
  try {
    return { decimal, currency: parseCurrency(code) };
  } catch {
    return undefined;
  }
}

function readMoment(value: string): Date | undefined {
  const time = new Date(value);
  return Number.isNaN(time.getTime()) ? undefined : time;
}

function readDays(value: string): Days | undefined {
  const match = /^([1-9]\d{3})(?:-(\d\d)(?:-(\d\d))?)?$/.exec(value);
  if (!match) return undefined;
  const [year, month, day] = [match[1], match[2], match[3]].map((part) => part && Number(part));
  const from = new Date(Date.UTC(Number(year), Number(month ?? 1) - 1, Number(day ?? 1)));
  const until = new Date(from);
  if (day !== undefined) until.setUTCDate(until.getUTCDate() + 1);
  else if (month !== undefined) until.setUTCMonth(until.getUTCMonth() + 1);
  else until.setUTCFullYear(until.getUTCFullYear() + 1);
  const text = (date: Date) => date.toISOString().slice(0, 10);
  // JavaScript reads a day that does not exist, such as 2026-02-30, as a later one.
  return text(from).startsWith(value) ? { from: text(from), until: text(until) } : undefined;
}

function readDuration(reader: Reader, from: number, value: string): number {
  try {
    return parseDuration(value);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw reader.refuse(from, error.message, error.hint ?? '');
  }
}

const SHORT = 60;
const short = (text: string) => (text.length > SHORT ? `${text.slice(0, SHORT)}…` : text);

/** How many characters of a long filter are shown on either side of an error. */
const AROUND = 50;

/** Reads the text from left to right. */
class Reader {
  at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** @returns false at the end. */
  skipBlanks(): boolean {
    this.take(/\s*/y);
    return this.at < this.#text.length;
  }

  /** Reads what a sticky pattern matches here; '' if nothing. */
  take(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const [found = ''] = pattern.exec(this.#text) ?? [];
    this.at += found.length;
    return found;
  }

  value(): string {
    const from = this.at;
    if (!this.take(/"/y)) return this.take(/[^\s,]+/y);
    const inner = this.take(/(?:[^"\\]|\\.)*/y);
    if (!this.take(/"/y))
      throw this.refuse(from, 'the quotation mark is not closed', 'Close it: "');
    return inner.replace(/\\(.)/g, '$1');
  }

  /**
   * Makes an error that shows the text, or a part of a long one, with a mark below the wrong
   * character.
   */
  refuse(at: number, message: string, allowed: string): UserError {
    const begin = at > 2 * AROUND ? at - AROUND : 0;
    const end = this.#text.length > at + 2 * AROUND ? at + AROUND : this.#text.length;
    const [before, after] = [begin > 0 ? '…' : '', end < this.#text.length ? '…' : ''];
    // Each must be one column wide, so that the mark is in the right place.
    const shown = this.#text.slice(begin, end).replace(/[\p{C}\u2028\u2029]/gu, ' ');
    const indent = ' '.repeat(at - begin + before.length);
    return usageError(`filter: ${message}`, `${before}${shown}${after}\n${indent}^ ${allowed}`);
  }
}
