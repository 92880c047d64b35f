/** The type of a term's value. */
export type TermKind =
  /** One of `values`. */
  | 'choice'
  /** A serial number, such as that of a job. */
  | 'serial'
  /** An id with its prefix, or a part of one from its beginning. */
  | 'id'
  | 'word'
  | 'number'
  /** An amount of money in whole units: `100`, `99.50`, `100eur`. */
  | 'amount'
  /** A day, a month or a year: `2026-11-23`, `2026-11`, `2026`. */
  | 'date'
  /** A duration before now. */
  | 'age'
  /** A duration before now, or a time. */
  | 'time';

export interface TermFacts {
  kind: TermKind;
  about: string;
  example: string;
  /** The values of a choice, which allows no others; of a word, those that completion offers. */
  values?: readonly string[];
  /** The prefix of an id, such as `don_`. */
  prefix?: string;
  /** The term needs the name of a field: `payload.<field>`. */
  hasFields?: true;
}

/** The terms of filters for one kind of row. */
export type Vocabulary<Name extends string = string> = Readonly<Record<Name, TermFacts>>;

/** The terms for lists and shell completion: `task`, `payload.<field>`. */
export const termNames = (vocabulary: Vocabulary): string[] =>
  Object.entries(vocabulary).map(([name, { hasFields }]) => (hasFields ? `${name}.<field>` : name));
