import { UserError, usageError } from '../errors.ts';
import { parseDuration } from '../parse.ts';
import { brokenCharacter } from '../text.ts';
import { JOB_STATES, TERM_NAMES, TERMS, type TermKind, type TermName } from './terms.ts';

export type Operator = '=' | '~' | '>' | '<' | '>=' | '<=';

/** `name:value`, one condition. Several values are alternatives. */
export interface Term {
  name: TermName;
  /** Of `payload.a.b`: a, b. */
  path: string[];
  not: boolean;
  operator: Operator;
  /** As typed; of `age` in milliseconds, of `attempts` numbers, of `since` a Date or milliseconds back from now. */
  values: (string | number | Date)[];
}

/** All terms must hold. */
export interface Filter {
  terms: Term[];
  /** As it was typed, or as the flags say it. */
  text: string;
}

/** More than a thousand job ids take. */
const MAX_TEXT = 65_536;

const OPERATORS: Record<TermKind, Operator[]> = {
  state: ['='],
  job: ['='],
  word: ['=', '~'],
  number: ['=', '>', '<', '>=', '<='],
  age: ['>', '<', '>=', '<='],
  time: ['='],
};

/**
 * Reads a filter: `task:send_receipt error:~timeout age:>1h`. Terms are joined by blanks and must
 * all hold; values joined by commas are alternatives; a leading `-` negates; `"…"` keeps blanks.
 *
 * @throws UserError `usage` that points at the character and lists what is allowed there.
 */
export function parseFilter(text: string): Filter {
  const broken = brokenCharacter(text);
  if (broken)
    throw usageError(`the filter has ${broken}`, 'Enter it anew, without that character.');
  if (text.length > MAX_TEXT) {
    throw usageError(
      `the filter is ${text.length.toLocaleString('en-US')} characters long`,
      `At most ${MAX_TEXT.toLocaleString('en-US')} are allowed.`,
    );
  }
  const reader = new Reader(text);
  const terms: Term[] = [];
  while (reader.skipBlanks()) terms.push(readTerm(reader));
  return { terms, text: text.trim() };
}

/** A term as it has to be typed. */
export function term(name: string, value: string, operator = ''): string {
  const bare = /^[^\s,"\\~<>=]+$/.test(value);
  return `${name}:${operator}${bare ? value : `"${value.replace(/["\\]/g, '\\$&')}"`}`;
}

function readTerm(reader: Reader): Term {
  const start = reader.at;
  const not = reader.take(/-/y) !== '';
  const name = reader.take(/[^\s:"]+/y);
  if (!reader.take(/:/y)) {
    throw reader.refuse(
      start,
      name ? `"${name}" is not a term: write name:value` : 'a term begins with its name',
      allTerms(),
    );
  }
  const [head = '', ...path] = name.split('.');
  if (!isTermName(head) || (head !== 'payload' && path.length > 0)) {
    throw reader.refuse(start + Number(not), `there is no term "${name}"`, allTerms());
  }
  if (head === 'payload' && (path.length === 0 || path.includes(''))) {
    throw reader.refuse(start, 'say which field of the payload', `For instance ${example(head)}`);
  }
  const { kind } = TERMS[head];
  const sign = reader.at;
  const typed = reader.take(/[<>]=?|[=~]/y) as Operator | '';
  const operator = typed || (kind === 'age' ? '>' : '=');
  if (!OPERATORS[kind].includes(operator)) {
    throw reader.refuse(
      sign,
      `${head} cannot be compared with "${typed}"`,
      `Allowed: ${OPERATORS[kind].join(' ')}, for instance ${example(head)}`,
    );
  }
  const values: Term['values'] = [];
  do {
    const from = reader.at;
    const value = reader.value();
    if (value === '') {
      throw reader.refuse(from, `${head} has no value`, `For instance ${example(head)}`);
    }
    values.push(readValue(reader, from, head, value));
  } while (reader.take(/,/y));
  if (values.length > 1 && operator !== '=' && operator !== '~') {
    throw reader.refuse(sign, `${operator} takes one value`, `For instance ${example(head)}`);
  }
  return { name: head, path, not, operator, values };
}

function readValue(
  reader: Reader,
  from: number,
  name: TermName,
  value: string,
): string | number | Date {
  switch (TERMS[name].kind) {
    case 'state':
      if (value === 'stuck' || (JOB_STATES as readonly string[]).includes(value)) return value;
      throw reader.refuse(
        from,
        `there is no state "${value}"`,
        `States: ${JOB_STATES.join(' ')} stuck`,
      );
    case 'job':
      if (/^\d{1,18}$/.test(value)) return value;
      throw reader.refuse(from, `"${value}" is not a job's id`, `For instance ${example(name)}`);
    case 'number':
      if (/^\d{1,6}$/.test(value)) return Number(value);
      throw reader.refuse(from, `"${value}" is not a number`, `For instance ${example(name)}`);
    case 'time':
      if (/^\d{4}-\d\d-\d\d/.test(value)) {
        const time = new Date(value);
        if (!Number.isNaN(time.getTime())) return time;
        throw reader.refuse(from, `"${value}" is not a time`, 'Write it like 2026-11-23T10:00Z.');
      }
      return readDuration(reader, from, value);
    case 'age':
      return readDuration(reader, from, value);
    case 'word':
      return value;
  }
}

function readDuration(reader: Reader, from: number, value: string): number {
  try {
    return parseDuration(value);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw reader.refuse(from, error.message, error.hint ?? '');
  }
}

const isTermName = (name: string): name is TermName => Object.hasOwn(TERMS, name);
const example = (name: TermName) => TERMS[name].example;
const allTerms = () =>
  `Terms: ${TERM_NAMES.map((name) => (name === 'payload' ? 'payload.<field>' : name)).join(' ')}`;

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

  refuse(at: number, message: string, allowed: string): UserError {
    return usageError(`filter: ${message}`, `${this.#text}\n${' '.repeat(at)}^ ${allowed}`);
  }
}
