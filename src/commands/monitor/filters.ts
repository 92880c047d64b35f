import { INCIDENT_TERMS, parseIncidentFilter } from '../../lib/alerts/vocabulary.ts';
import { UserError } from '../../lib/errors.ts';
import type { TermFacts, Vocabulary } from '../../lib/filter/vocabulary.ts';
import { JOB_TERMS, parseJobFilter } from '../../lib/queue/read/vocabulary.ts';
import { parseReceiptFilter, RECEIPT_TERMS } from '../../lib/receipts/vocabulary.ts';

/** The views whose rows a filter chooses. */
const FILTERS = {
  jobs: {
    terms: JOB_TERMS,
    parse: parseJobFilter,
    example: 'task:send_receipt state:failed error:~timeout age:>1h',
  },
  receipts: {
    terms: RECEIPT_TERMS,
    parse: parseReceiptFilter,
    example: 'status:held fund:gala age:>1h',
  },
  alerts: {
    terms: INCIDENT_TERMS,
    parse: parseIncidentFilter,
    example: 'status:open level:critical task:send_receipt',
  },
} as const satisfies Record<
  string,
  { terms: Vocabulary; parse: (text: string) => unknown; example: string }
>;

export type Filtered = keyof typeof FILTERS;

/** The rows that a filter typed in a view applies to. In a view without a filter of its own, these are jobs. */
export const filteredIn = (view: string): Filtered =>
  Object.hasOwn(FILTERS, view) ? (view as Filtered) : 'jobs';

const factsOf = (of: Filtered, name: string): TermFacts | undefined => {
  const terms: Vocabulary = FILTERS[of].terms;
  return Object.hasOwn(terms, name) ? terms[name] : undefined;
};

/** A possible continuation. */
export interface Completion {
  /** The whole line with it. */
  text: string;
  word: string;
  about: string;
}

/** The possible continuations of a filter that is being typed: terms, states, tasks. */
export function completeFilter(of: Filtered, text: string, tasks: string[]): Completion[] {
  const start = text.lastIndexOf(' ') + 1;
  const before = text.slice(0, start);
  const word = text.slice(start).replace(/^-/, '');
  const minus = text.slice(start).startsWith('-') ? '-' : '';
  const colon = word.indexOf(':');
  if (colon < 0) {
    return Object.entries<TermFacts>(FILTERS[of].terms)
      .filter(([name]) => name.startsWith(word))
      .map(([name, { hasFields, about }]) => {
        const full = hasFields ? `${name}.` : `${name}:`;
        return { text: `${before}${minus}${full}`, word: full, about };
      });
  }
  const name = word.slice(0, colon);
  const values = word.slice(colon + 1);
  const comma = values.lastIndexOf(',') + 1;
  const typed = values.slice(comma);
  const known = factsOf(of, name)?.values ?? (name === 'task' ? tasks : []);
  return known
    .filter((value) => value.startsWith(typed) && value !== typed)
    .map((value) => ({
      text: `${before}${minus}${name}:${values.slice(0, comma)}${value}`,
      word: value,
      about: '',
    }));
}

/** One line about a filter that is being typed: its error or its possible continuations. */
export function filterHint(of: Filtered, text: string): string {
  const word = text.slice(text.lastIndexOf(' ') + 1).replace(/^-/, '');
  const [name = ''] = word.split(/[:.]/);
  const facts = factsOf(of, name);
  if (facts) return `${facts.about}; for instance ${facts.example}`;
  return `terms that must all hold: ${FILTERS[of].example}`;
}

/** The error of a filter in one line; undefined when it has none. */
export function filterError(of: Filtered, text: string): string | undefined {
  try {
    FILTERS[of].parse(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const allowed = error.hint?.split('^ ').at(-1);
    return `${error.message.replace(/^filter: /, '')}${allowed ? ` (${allowed})` : ''}`;
  }
}
