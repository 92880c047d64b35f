import type { Command } from 'commander';
import { usageError } from '../lib/errors.ts';
import { grouped } from '../lib/output/text.ts';
import { brokenCharacter, quoted } from '../lib/text.ts';

/** Enough for a filter with a thousand job ids. Each value also has its own limit. */
const MAX_ARGUMENT = 65_536;
/** The limit of an option's value. */
const MAX_VALUE = 10_000;
const MAX_REASON = 1000;

/**
 * Refuses arguments that are certainly a mistake (broken characters, excessive length) before they
 * are parsed.
 * @throws UserError `usage`.
 */
export function checkArguments(args: string[]): void {
  for (const arg of args) {
    const broken = brokenCharacter(arg);
    if (broken) {
      throw usageError(
        `the argument ${quoted(arg)} has ${broken}`,
        'Type it again without that character.',
      );
    }
    if (arg.length > MAX_ARGUMENT) throw tooLong(`the argument ${quoted(arg)}`, arg, MAX_ARGUMENT);
  }
}

/**
 * Refuses values of options that are too long.
 * @throws UserError `usage` that names the option.
 */
export function checkValues(command: Command): void {
  for (const option of command.options) {
    const value: unknown = command.getOptionValue(option.attributeName());
    const max = option.attributeName() === 'reason' ? MAX_REASON : MAX_VALUE;
    if (typeof value === 'string' && value.length > max) {
      throw tooLong(option.long ?? option.flags, value, max);
    }
  }
}

const tooLong = (what: string, text: string, max: number) =>
  usageError(
    `${what} is ${grouped(text.length)} characters long`,
    `At most ${grouped(max)} are allowed.`,
  );

/** The arguments as Commander has to see them. */
export const forCommander = (args: string[]): string[] => args.map(explicitValue).map(negatedTerm);

// Commander would take the word after a bare --json for its fields: `show --json don_…`.
const BARE: Record<string, string> = { '--json': '--json=', '--watch': '--watch=2s' };
const explicitValue = (arg: string) => (Object.hasOwn(BARE, arg) ? (BARE[arg] as string) : arg);

// `-state:held` is a term of a filter, but Commander would take it for an option.
const negatedTerm = (arg: string) => (/^-[a-z][\w.]*:/.test(arg) ? ` ${arg}` : arg);

/**
 * Whether errors are written as JSON. Decided before the arguments are parsed, because parsing may
 * fail.
 */
export const wantsJson = (args: string[]): boolean =>
  args.some(
    (arg, i) =>
      /^--json(=|$)|^--output=(nd)?json$/.test(arg) ||
      (arg === '--output' && /^(nd)?json$/.test(args[i + 1] ?? '')),
  );
