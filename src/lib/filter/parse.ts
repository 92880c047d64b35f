import { UserError, usageError } from '../errors.ts';
import { givenId } from '../ids.ts';
import { parseCurrency } from '../money.ts';
import { parseDuration } from '../parse.ts';
import { brokenCharacter } from '../text.ts';
import { type TermFacts, type TermKind, termNames, type Vocabulary } from './vocabulary.ts';

export type Comparison = '=' | '~' | '>' | '<' | '>=' | '<=';

/** An amount in whole units, exactly as typed; without a currency it is of every row's own. */
export interface TypedAmount {
  decimal: string;
  currency: string | undefined;
}

/** Days, the last one excluded: `2026-11-23` is from that day until the next. */
export interface Days {
  from: string;
  until: string;
}

export type TermValue = string | number | Date | TypedAmount | Days;

/** `name:value`, one condition. Several values are alternatives. */
export interface Term<Name extends string = string> {
  name: Name;
  /** Of `payload.a.b`: a, b. */
  path: string[];
  not: boolean;
  operator: Comparison;
  /** As typed; of `age` in milliseconds, of `number` a number, of `time` a Date or milliseconds back from now. */
  values: TermValue[];
}

/** All terms must hold. */
export interface Filter<Name extends string = string> {
  terms: Term<Name>[];
  /** As it was typed, or as the flags say it. */
  text: string;
}

/**
 * What a filter may be at most: beyond this it is a mistake or an attack, and costs Postgres dearly.
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
 * Reads a filter: `task:send_receipt error:~timeout age:>1h`. Terms are joined by blanks and must
 * all hold; values joined by commas are alternatives; a leading `-` negates; `"…"` keeps blanks.
 *
 * @throws UserError `usage` that points at the character and lists what is allowed there.
 */
export function parseFilter<Name extends string>(
  text: string,
  vocabulary: Vocabulary<Name>,
): Filter<Name> {
  const broken = brokenCharacter(text);
  if (broken)
    throw usageError(`the filter has ${broken}`, 'Enter it anew, without that character.');
  if (text.length > FILTER_BOUNDS.text) {
    throw usageError(
      `filter: it has ${text.length.toLocaleString('en-US')} characters`,
      `At most ${FILTER_BOUNDS.text.toLocaleString('en-US')} are read: say it with fewer values.`,
    );
  }
  const reader = new Reader(text);
  const terms: Term<Name>[] = [];
  while (reader.skipBlanks()) {
    if (terms.length === FILTER_BOUNDS.terms)
      throw reader.refuse(reader.at, `more than ${terms.length} terms`, 'Say it with fewer.');
    terms.push(readTerm(reader, vocabulary));
  }
  return { terms, text: text.trim() };
}

/** A term as it has to be typed. */
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
  const example = `For instance ${facts.example}`;
  if (facts.hasFields && (path.length === 0 || path.includes('')))
    throw reader.refuse(start, `say which field of the ${name}`, example);
  if (path.length > FILTER_BOUNDS.path)
    throw reader.refuse(start, `more than ${FILTER_BOUNDS.path} fields deep`, example);
  const { operator, at: sign } = readComparison(reader, name, facts);
  const values: TermValue[] = [];
  do {
    const from = reader.at;
    if (values.length === FILTER_BOUNDS.values)
      throw reader.refuse(from, `${name} has more than ${values.length} values`, 'Name fewer.');
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
    `Allowed: ${COMPARISONS[kind].join(' ')}, for instance ${example}`,
  );
}

function readValue(
  reader: Reader,
  from: number,
  name: string,
  { kind, example, values = [], prefix = '' }: TermFacts,
  value: string,
): TermValue {
  const refuse = (what: string, hint = `For instance ${example}`) =>
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
      throw refuse(`is not a ${name}'s id`);
    case 'id':
      if (/^[a-z]+_…?\w*$/.test(givenId(value)) && givenId(value).startsWith(prefix))
        return givenId(value);
      throw refuse(`is not a ${name}'s id, which begins with ${prefix}`);
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
  // A day that does not exist, such as 2026-02-30, would be taken for a later one.
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

/** How much of a long filter is shown on either side of what is wrong with it. */
const AROUND = 50;

/** The text and how far it has been read. */
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

  /** What a sticky pattern matches here; '' if nothing. */
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
    if (!this.take(/"/y)) throw this.refuse(from, 'the quotation mark is not closed', 'End it: "');
    return inner.replace(/\\(.)/g, '$1');
  }

  /** An error that shows the text, or the part of a long one, with a mark below what is wrong. */
  refuse(at: number, message: string, allowed: string): UserError {
    const begin = at > 2 * AROUND ? at - AROUND : 0;
    const end = this.#text.length > at + 2 * AROUND ? at + AROUND : this.#text.length;
    const [before, after] = [begin > 0 ? '…' : '', end < this.#text.length ? '…' : ''];
    // One character each, or the mark would be below another.
    const shown = this.#text.slice(begin, end).replace(/[\p{C}\u2028\u2029]/gu, ' ');
    const indent = ' '.repeat(at - begin + before.length);
    return usageError(`filter: ${message}`, `${before}${shown}${after}\n${indent}^ ${allowed}`);
  }
}
