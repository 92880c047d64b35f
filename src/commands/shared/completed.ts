import { Argument, Option } from 'commander';
import type { TermFacts, Vocabulary } from '../../lib/filter/vocabulary.ts';
import type { RecentKind } from '../../lib/recent-ids.ts';

/** Kinds of ids and names: of the database, of this machine's imports, and of the settings. */
export type OfferedKind = RecentKind | 'import' | 'mapping' | 'route' | 'rule';

/** What completion offers: a word, or recent ids of a kind. */
export type Offer = string | OfferedIds;

export interface OfferedIds {
  recent: OfferedKind;
  /** The text before them, such as `donation:`. */
  after: string;
  /** Whether the typed text can be the beginning of one. Undefined: always. */
  when?: (typed: string) => boolean;
}

/** Recent ids of a kind, and ids of other kinds once their prefix is typed. */
export const recent = (kind: OfferedKind, ...others: (keyof typeof BEGUN)[]): Offer[] => [
  { recent: kind, after: '' },
  ...begun(...others),
];

/** Recent ids that are offered once their prefix is typed. */
export const begun = (...kinds: (keyof typeof BEGUN)[]): Offer[] =>
  kinds.map((kind) => ({ recent: kind, after: '', when: BEGUN[kind] }));

const begins = (prefix: string) => (typed: string) =>
  typed !== '' && (typed.startsWith(prefix) || prefix.startsWith(typed));

const BEGUN = {
  donation: begins('don_'),
  receipt: begins('rcp_'),
  delivery: begins('dlv_'),
  donor: begins('dnr_'),
  payment: begins('pi_'),
  job: (typed: string) => /^\d/.test(typed),
} as const;

/** An argument with values for completion that also accepts other values. */
export class CompletedArgument extends Argument {
  readonly offered: readonly Offer[];

  constructor(term: string, about: string, offered: readonly Offer[]) {
    super(term, about);
    this.offered = offered;
  }
}

/** An option with values for completion that also accepts other values. */
export class CompletedOption extends Option {
  readonly offered: readonly Offer[];

  constructor(flags: string, about: string, offered: readonly Offer[]) {
    super(flags, about);
    this.offered = offered;
  }
}

/** The kinds of ids that these terms take. */
const KINDS: Record<string, Offer[]> = {
  donation: recent('donation'),
  receipt: begun('receipt'),
  number: recent('receipt'),
  job: recent('job'),
  retry: recent('audit'),
  batch: recent('batch'),
  donor: recent('donor'),
  worker: recent('worker'),
  fingerprint: recent('fingerprint'),
};
/** Names with blanks, which a shell and a filter would have to quote: offered to options alone. */
const NAMES: Record<string, Offer[]> = { fund: recent('fund'), campaign: recent('campaign') };

/** What completion can offer for the option of a term. */
export const valuesOf = (name: string, facts: TermFacts): Offer[] =>
  NAMES[name] ?? inFilter(name, facts);

const inFilter = (name: string, { values = [] }: TermFacts): Offer[] => KINDS[name] ?? [...values];

/** The terms of a filter with their values, for completion. */
export const termOffers = (vocabulary: Vocabulary): Offer[] =>
  Object.entries<TermFacts>(vocabulary).flatMap(([name, facts]) => {
    const before = facts.hasFields ? `${name}.` : `${name}:`;
    return [
      before,
      ...inFilter(name, facts).map((offer) =>
        typeof offer === 'string' ? before + offer : { ...offer, after: before },
      ),
    ];
  });
