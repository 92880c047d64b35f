import type { Argument, Command, Option } from 'commander';
import {
  CompletedArgument,
  CompletedOption,
  type Offer,
  type OfferedKind,
} from '../shared/completed.ts';

/** A word that the last word of a command line may become. */
export interface Candidate {
  word: string;
  about: string;
}

/** Recent ids that may follow in the last word: `before` stays, `typed` is the beginning of the id. */
export interface RecentWanted {
  kind: OfferedKind;
  before: string;
  typed: string;
}

export interface Candidates {
  words: Candidate[];
  recent: RecentWanted[];
}

/** What the last of these words, without `donations`, can become. */
export function candidatesFor(program: Command, words: string[]): Candidates {
  if (words[0] === 'help' && words.length > 1) return candidatesForHelp(program, words.slice(1));
  const current = words.at(-1) ?? '';
  const { command, operands, option, onlyOperands } = walk(program, words.slice(0, -1));
  if (option) return fromOffers(offersOf(option), current);
  const options = optionsOf(command);
  const [, flag = '', value] = /^(--[\w-]+)=(.*)$/s.exec(current) ?? [];
  if (value !== undefined && !onlyOperands) {
    const named = options.find(({ long }) => long === flag);
    return fromOffers(named ? offersOf(named) : [], value, `${flag}=`);
  }
  const isNegatedTerm = /^-[a-z][\w.]*:/.test(current);
  if (current.startsWith('-') && !isNegatedTerm && !onlyOperands)
    return { words: options.map(toCandidate).filter(beginsWith(current)), recent: [] };
  const children = operands > 0 ? [] : command.createHelp().visibleCommands(command);
  const sign = isNegatedTerm ? '-' : '';
  const found = fromOffers(argumentOffers(command, operands), current.slice(sign.length), sign);
  const names = children.map((child) => ({ word: child.name(), about: child.description() }));
  return { words: [...names.filter(beginsWith(current)), ...found.words], recent: found.recent };
}

/** `donations help` is followed by the words of a command. */
function candidatesForHelp(program: Command, words: string[]): Candidates {
  const named = walk(program, words.slice(0, -1)).command;
  const topics =
    named === program ? [{ word: 'exit-codes', about: 'what each exit code means' }] : [];
  const children = named.createHelp().visibleCommands(named);
  const names = children.map((child) => ({ word: child.name(), about: child.description() }));
  return { words: [...names, ...topics].filter(beginsWith(words.at(-1) ?? '')), recent: [] };
}

interface Place {
  command: Command;
  /** How many arguments were given. */
  operands: number;
  /** The option whose value comes next. */
  option: Option | undefined;
  /** After `--`. */
  onlyOperands: boolean;
}

/** Follows complete words to the command that they name. */
function walk(program: Command, words: string[]): Place {
  const place: Place = { command: program, operands: 0, option: undefined, onlyOperands: false };
  for (const word of words) {
    if (place.option) place.option = undefined;
    else if (word === '--') place.onlyOperands = true;
    else if (word.startsWith('-') && !place.onlyOperands) {
      const option = optionsOf(place.command).find(
        ({ long, short }) => word === long || word === short,
      );
      // An option whose value may be left out takes it after `=` only.
      if (option?.required) place.option = option;
    } else {
      const child = place.command.commands.find(
        (each) => each.name() === word || each.aliases().includes(word),
      );
      if (child && place.operands === 0) place.command = child;
      else place.operands += 1;
    }
  }
  return place;
}

/** The options of a command, or of the verb that runs when none is given. */
function optionsOf(command: Command): Option[] {
  const verb = defaultVerb(command);
  return [command, ...(verb ? [verb] : [])].flatMap((each) =>
    each.createHelp().visibleOptions(each),
  );
}

/** Commander keeps which of the verbs is the default to itself. */
const defaultVerb = (command: Command): Command | undefined =>
  command.commands.find(
    (child) =>
      child.name() === (command as Command & { _defaultCommandName?: string })._defaultCommandName,
  );

function argumentOffers(command: Command, operands: number): readonly Offer[] {
  const all = (defaultVerb(command) ?? command).registeredArguments;
  const last = all.at(-1);
  const argument = all[operands] ?? (last?.variadic ? last : undefined);
  return argument ? offersOf(argument) : [];
}

const offersOf = (given: Option | Argument): readonly Offer[] =>
  given instanceof CompletedArgument || given instanceof CompletedOption
    ? given.offered
    : (given.argChoices ?? []);

/**
 * What of the offers a word can become. Values may be listed: `state:failed,he` becomes
 * `state:failed,held`.
 *
 * @param before a part of the word that stays.
 */
function fromOffers(offers: readonly Offer[], word: string, before = ''): Candidates {
  const comma = word.lastIndexOf(',') + 1;
  const name = comma > 0 ? (/^[\w.]+:/.exec(word)?.[0] ?? '') : '';
  const kept = before + word.slice(0, comma);
  const typed = name + word.slice(comma);
  const words = offers.flatMap((offer) =>
    typeof offer === 'string' && offer.startsWith(typed)
      ? { word: kept + offer.slice(name.length), about: '' }
      : [],
  );
  const recent = offers.flatMap((offer) =>
    typeof offer !== 'string' &&
    typed.startsWith(offer.after) &&
    (offer.when?.(typed.slice(offer.after.length)) ?? true)
      ? {
          kind: offer.recent,
          before: kept + (comma > 0 ? '' : offer.after),
          typed: typed.slice(offer.after.length),
        }
      : [],
  );
  return { words, recent };
}

const toCandidate = (option: Option): Candidate => ({
  word: option.long ?? option.flags,
  about: option.description,
});

const beginsWith =
  (typed: string) =>
  ({ word }: Candidate) =>
    word.startsWith(typed);
