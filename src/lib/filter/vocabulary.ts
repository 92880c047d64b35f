/** How the value of a term is read. */
export type TermKind =
  /** One of `values`. */
  | 'choice'
  /** A row's number, such as a job's. */
  | 'serial'
  /** An id with its prefix, or the beginning of one. */
  | 'id'
  | 'word'
  | 'number'
  /** An amount of money in whole units: `100`, `99.50`, `100eur`. */
  | 'amount'
  /** A day, a month or a year: `2026-11-23`, `2026-11`, `2026`. */
  | 'date'
  /** A length of time back from now. */
  | 'age'
  /** A length of time back from now, or a moment. */
  | 'time';

export interface TermFacts {
  kind: TermKind;
  about: string;
  example: string;
  /** Of a choice: what may be chosen. */
  values?: readonly string[];
  /** Of an id: how it begins, such as `don_`. */
  prefix?: string;
  /** The term is of a field that has to be named: `payload.<field>`. */
  hasFields?: true;
}

/** The terms that filters of one kind of row are made of. Each kind of row names its own. */
export type Vocabulary<Name extends string = string> = Readonly<Record<Name, TermFacts>>;

/** The terms as they are listed and completed: `task`, `payload.<field>`. */
export const termNames = (vocabulary: Vocabulary): string[] =>
  Object.entries(vocabulary).map(([name, { hasFields }]) => (hasFields ? `${name}.<field>` : name));
