import { likeContains, likeId } from '../db/match.ts';
import { currencies, currencyExponent } from '../money.ts';
import type { Days, Filter, Term, TypedAmount } from './parse.ts';

/** The values of a statement and their placeholders. */
export class Bindings {
  readonly values: unknown[] = [];

  /** Adds a value and returns its placeholder. */
  add(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

/** Builds the SQL condition of a term for one kind of row. */
export type Condition = (term: Term, bindings: Bindings) => string;

/**
 * The condition of each term of a vocabulary for one kind of row. Null for a term that selects the
 * source instead.
 */
export type Conditions<Name extends string> = Record<Name, Condition | null>;

/** The conditions of a filter for one kind of row, to be joined by `and`. */
export function compileFilter<Name extends string>(
  filter: Filter<Name>,
  conditions: Conditions<Name>,
  bindings: Bindings,
): string[] {
  return filter.terms.flatMap((term) => {
    const condition = conditions[term.name];
    if (condition === null) return [];
    const sql = `(${condition(term, bindings)})`;
    return [term.not ? `not coalesce(${sql}, false)` : sql];
  });
}

const texts = (term: Term) => term.values.map(String);

/** The column equals one of the values; with `~` it contains one, ignoring case. */
export const matches =
  (sql: string): Condition =>
  (term, bindings) =>
    term.operator === '~'
      ? `${sql} ilike any (${bindings.add(texts(term).map(likeContains))}::text[])`
      : `${sql} = any (${bindings.add(texts(term))}::text[])`;

/** As `matches`, but in any case; an index on `lower(…)` serves it. */
export const matchesAnyCase =
  (sql: string): Condition =>
  (term, bindings) =>
    term.operator === '~'
      ? matches(sql)(term, bindings)
      : `lower(${sql}) = any (${bindings.add(texts(term).map((text) => text.toLowerCase()))}::text[])`;

/** As `matches`, but neither case nor accents make a difference: people type `jose` for José. */
export const resembles =
  (sql: string): Condition =>
  (term, bindings) =>
    texts(term)
      .map((text) => folded(`${bindings.add(text)}::text`))
      .map((text) =>
        term.operator === '~' ? `strpos(${folded(sql)}, ${text}) > 0` : `${folded(sql)} = ${text}`,
      )
      .join(' or ');

/**
 * SQL: lower case without accents. The text is decomposed first, because `C` locales change the
 * case of ASCII only.
 */
const folded = (sql: string) =>
  `lower(regexp_replace(normalize(${sql}, NFKD), '[\\u0300-\\u036f]', '', 'g'))`;

/** The column begins with one of the values: ids need not be typed to their end. Or it is shown as one. */
export const beginsWith =
  (sql: string): Condition =>
  (term, bindings) =>
    term.operator === '~'
      ? matches(sql)(term, bindings)
      : `${sql} like any (${bindings.add(texts(term).map(likeId))}::text[])`;

/** Compares the column's number with the value. */
export const compares =
  (sql: string): Condition =>
  ({ operator, values }, bindings) =>
    operator === '='
      ? `${sql} = any (${bindings.add(values)}::int[])`
      : `${sql} ${operator} ${bindings.add(values[0])}::int`;

/** Compares an amount, given by the columns of its minor units and currency, with the value. */
export const amounts =
  (minor: string, currency: string): Condition =>
  ({ operator, values }, bindings) =>
    (values as TypedAmount[])
      .map((value) => {
        const decimal = `${bindings.add(value.decimal)}::numeric`;
        if (value.currency === undefined)
          return `${minor} ${operator} ${decimal} * ${minorPerUnit(currency, bindings)}`;
        const units = `${10 ** currencyExponent(value.currency)}`;
        return `(${currency} = ${bindings.add(value.currency)} and ${minor} ${operator} ${decimal} * ${units})`;
      })
      .join(' or ');

/** SQL: how many minor units one unit of the row's currency has. */
function minorPerUnit(currency: string, bindings: Bindings): string {
  const withExponent = (exponent: number) =>
    bindings.add(currencies().filter((code) => currencyExponent(code) === exponent));
  return `case when ${currency} = any (${withExponent(0)}::text[]) then 1
    when ${currency} = any (${withExponent(3)}::text[]) then 1000 else 100 end`;
}

/** Compares the column's date with the value, which may be a whole month or year. */
export const isDated =
  (sql: string): Condition =>
  ({ operator, values }, bindings) =>
    (values as Days[])
      .map(({ from, until }) => {
        const day = (value: string) => `${bindings.add(value)}::date`;
        switch (operator) {
          case '>':
            return `${sql} >= ${day(until)}`;
          case '>=':
            return `${sql} >= ${day(from)}`;
          case '<':
            return `${sql} < ${day(from)}`;
          case '<=':
            return `${sql} < ${day(until)}`;
          default:
            return `(${sql} >= ${day(from)} and ${sql} < ${day(until)})`;
        }
      })
      .join(' or ');

/** Compares the age of the column's time with the value. */
export const isAged =
  (sql: string): Condition =>
  ({ operator, values }, bindings) => {
    const than = operator.startsWith('>') ? operator.replace('>', '<') : operator.replace('<', '>');
    return `${sql} ${than} ${ago(bindings.add(values[0]))}`;
  };

/** The column's time is not before the value. */
export const isSince =
  (sql: string): Condition =>
  ({ values: [value] }, bindings) =>
    `${sql} >= ${value instanceof Date ? `${bindings.add(value)}::timestamptz` : ago(bindings.add(value))}`;

// Bounded, because a longer interval would overflow.
const ago = (ms: string) => `now() - make_interval(secs => least(${ms}::float8 / 1000, 3e9))`;
