import type { Filter, Term } from './parse.ts';
import { JOB_STATES, type JobState, type TermName } from './terms.ts';

/** The values of a statement, each by its place. */
export class Params {
  readonly values: unknown[] = [];

  /** Adds one and gives the place that stands for it in the text. */
  add(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

/** What a term says about a row, as SQL. */
export type Condition = (term: Term, params: Params) => string;

/** What each term means for one kind of row. States are not columns: see `wantedStates`. */
export type Conditions = Record<Exclude<TermName, 'state'>, Condition>;

/** The filter's conditions for one kind of row, to be joined by `and`. */
export function compileFilter(filter: Filter, conditions: Conditions, params: Params): string[] {
  return filter.terms.flatMap((term) => {
    if (term.name === 'state') return [];
    const sql = `(${conditions[term.name](term, params)})`;
    return [term.not ? `not coalesce(${sql}, false)` : sql];
  });
}

/** Running jobs are of two kinds. */
export type FineState = Exclude<JobState, 'running'> | 'stuck' | 'at_work';

const ALL: FineState[] = [...JOB_STATES.filter((state) => state !== 'running'), 'stuck', 'at_work'];

/** The states that a filter lets through. */
export function wantedStates(filter: Filter): Set<FineState> {
  const states = new Set<FineState>(ALL);
  for (const term of filter.terms) {
    if (term.name !== 'state') continue;
    const named = new Set(
      term.values.flatMap((value): FineState[] =>
        value === 'running' ? ['stuck', 'at_work'] : [value as FineState],
      ),
    );
    for (const state of ALL) if (named.has(state) === term.not) states.delete(state);
  }
  return states;
}

const contains = (value: string) => `%${value.replace(/[%_\\]/g, '\\$&')}%`;
const texts = (term: Term) => term.values.map(String);

/** The column is one of the values; with `~` it contains one, in any case. */
export const matches =
  (sql: string): Condition =>
  (term, params) =>
    term.operator === '~'
      ? `${sql} ilike any (${params.add(texts(term).map(contains))}::text[])`
      : `${sql} = any (${params.add(texts(term))}::text[])`;

/** As `matches`, but nobody is asked for the right case. */
export const matchesAnyCase =
  (sql: string): Condition =>
  (term, params) =>
    term.operator === '~'
      ? matches(sql)(term, params)
      : `lower(${sql}) = any (${params.add(texts(term).map((text) => text.toLowerCase()))}::text[])`;

/** The column begins with one of the values: ids need not be typed to their end. */
export const beginsWith =
  (sql: string): Condition =>
  (term, params) =>
    term.operator === '~'
      ? matches(sql)(term, params)
      : texts(term)
          .map((text) => `starts_with(${sql}, ${params.add(text)})`)
          .join(' or ');

/** The column's number against the value. */
export const compares =
  (sql: string): Condition =>
  ({ operator, values }, params) =>
    operator === '='
      ? `${sql} = any (${params.add(values)}::int[])`
      : `${sql} ${operator} ${params.add(values[0])}::int`;

/** How long ago the column's moment was. */
export const isAged =
  (sql: string): Condition =>
  ({ operator, values }, params) => {
    const than = operator.startsWith('>') ? operator.replace('>', '<') : operator.replace('<', '>');
    return `${sql} ${than} ${ago(params.add(values[0]))}`;
  };

/** The column's moment is not before the value. */
export const isSince =
  (sql: string): Condition =>
  ({ values: [value] }, params) =>
    `${sql} >= ${value instanceof Date ? `${params.add(value)}::timestamptz` : ago(params.add(value))}`;

const ago = (ms: string) => `now() - make_interval(secs => ${ms}::float8 / 1000)`;
