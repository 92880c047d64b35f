import { Argument, Option } from 'commander';
import type { TermFacts, Vocabulary } from '../../lib/filter/vocabulary.ts';
import type { RecentKind } from '../../lib/recent-ids.ts';

/** What completion offers: a word, or recent ids of a kind, perhaps after a text such as `donation:`. */
export type Offer = string | { recent: RecentKind; after: string };

/** Recent ids of a kind. */
export const recent = (kind: RecentKind): Offer[] => [{ recent: kind, after: '' }];

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

const KINDS: Record<string, RecentKind> = { don_: 'donation', rcp_: 'receipt', aud_: 'audit' };

/** The values of a term that completion can offer. */
export function valuesOf({ kind, values = [], prefix = '' }: TermFacts): Offer[] {
  const ids = kind === 'serial' ? 'job' : KINDS[prefix];
  return ids ? recent(ids) : [...values];
}

/** The terms of a filter with their values, for completion. */
export const termOffers = (vocabulary: Vocabulary): Offer[] =>
  Object.entries<TermFacts>(vocabulary).flatMap(([name, facts]) => {
    const before = facts.hasFields ? `${name}.` : `${name}:`;
    return [
      before,
      ...valuesOf(facts).map((offer) =>
        typeof offer === 'string' ? before + offer : { ...offer, after: before },
      ),
    ];
  });
