import type { Command } from 'commander';
import { term } from '../../lib/filter/parse.ts';
import type { TermFacts, Vocabulary } from '../../lib/filter/vocabulary.ts';
import { CompletedArgument, CompletedOption, termOffers, valuesOf } from './completed.ts';

/** Adds `[filter…]`, and for each of its terms a flag that is shorthand for it. */
export function withTerms(command: Command, vocabulary: Vocabulary, about: string): Command {
  const facts = Object.entries<TermFacts>(vocabulary);
  command.addArgument(new CompletedArgument('[filter...]', about, termOffers(vocabulary)));
  for (const [name, each] of facts)
    command.addOption(new CompletedOption(`--${name} <${name}>`, each.about, valuesOf(name, each)));
  return command.addHelpText(
    'after',
    `\nTerms of the filter:\n${facts
      .map(([, { example, about }]) => `  ${example.padEnd(26)}${about}`)
      .join('\n')}`,
  );
}

/** The filter that the words and flags say together. */
export function filterText(
  vocabulary: Vocabulary,
  words: string[],
  options: Record<string, unknown>,
): string {
  const flags = Object.entries<TermFacts>(vocabulary).flatMap(([name, { kind }]) => {
    const value = options[name];
    if (typeof value !== 'string') return [];
    // A choice or an id has no comma of its own; a name may.
    if (kind === 'choice' || kind === 'id') return [`${name}:${value}`];
    const [, operator = '', rest = ''] = /^([<>]=?|~)?(.*)$/s.exec(value) ?? [];
    return [term(name, rest, operator)];
  });
  return [...words, ...flags].join(' ');
}
