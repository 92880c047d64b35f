import {
  type Bindings,
  beginsWith,
  type Condition,
  matchesAnyCase,
  resembles,
} from '../filter/compile.ts';
import { type Filter, parseFilter, type Term } from '../filter/parse.ts';
import type { Vocabulary } from '../filter/vocabulary.ts';
import { givenId } from '../ids.ts';

/** What a filter of donors can ask for. */
export const DONOR_TERMS = {
  donor: {
    kind: 'word',
    about: 'a part of the name, an e-mail address, or an id',
    example: 'donor:lovelace',
  },
  name: { kind: 'word', about: 'the whole name; with ~ a part of it', example: 'name:~love' },
  email: {
    kind: 'word',
    about: 'an e-mail address; with ~ a part of it',
    example: 'email:~@example.org',
  },
  kind: {
    kind: 'choice',
    values: ['person', 'organization'],
    about: 'person or organization',
    example: 'kind:organization',
  },
  city: { kind: 'word', about: 'where the donor lives', example: 'city:portland' },
  country: { kind: 'word', about: 'the country, as two letters', example: 'country:us' },
  source: {
    kind: 'word',
    about: "another system, or that system's id of the donor",
    example: 'source:salesforce',
  },
  since: { kind: 'time', about: 'known for no longer than this', example: 'since:30d' },
} as const satisfies Vocabulary;

export type DonorTerm = keyof typeof DONOR_TERMS;
export type DonorFilter = Filter<DonorTerm>;

/**
 * Reads a filter of donors.
 * @throws UserError `usage`.
 */
export const parseDonorFilter = (text: string): DonorFilter =>
  parseFilter<DonorTerm>(text, DONOR_TERMS);

/** The donor is one that a person means: by id, by e-mail address, or by a part of the name. */
export const isDonor =
  (donorId: string): Condition =>
  (term, bindings) => {
    const meant = term.values.map((value) => isMeant({ ...term, values: [value] }, bindings));
    return `${donorId} in (select n.id from donations.donors n where ${meant.join(' or ')})`;
  };

function isMeant(term: Term, bindings: Bindings): string {
  const [value = ''] = term.values.map((each) => givenId(String(each)));
  if (/^dnr_…?\w*$/.test(value)) return beginsWith('n.id')({ ...term, operator: '=' }, bindings);
  if (term.operator === '=' && value.includes('@')) return hasAddress('n.id')(term, bindings);
  const part: Term = { ...term, operator: '~' };
  const named = resembles('n.name')(part, bindings);
  return term.operator === '~' ? `${named} or ${hasAddress('n.id')(part, bindings)}` : named;
}

/** The donor has one of the addresses; with `~`, an address that contains one. */
export const hasAddress =
  (donorId: string): Condition =>
  (term, bindings) =>
    `${donorId} in (select e.donor_id from donations.donor_emails e
      where ${matchesAnyCase('e.email')(term, bindings)})`;
