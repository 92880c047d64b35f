import { Command } from 'commander';
import type { Io } from '../lib/output/io.ts';
import { checkValues } from './arguments.ts';
import { BRANCHES, GROUPS, type Leaf, type Load, type Noun, SETUP } from './branches.ts';
import { completeCommand } from './completion/complete.ts';
import { completionCommand } from './completion.ts';
import type { Context } from './context.ts';
import { helpCommand } from './help.ts';
import { manualCommand } from './manual.ts';

const ABOUT = 'Run, inspect and repair the background jobs of a fundraising platform';

/** What `donations` alone says: every command by name, on one screen. No command is loaded for it. */
export function overview(): string {
  const names = (group: string) =>
    [...BRANCHES, { name: 'completion', group: SETUP }]
      .filter((branch) => branch.group === group)
      .map(({ name }) => name)
      .join(' ')
      // In lines of at most 62 characters.
      .match(/\S.{0,61}(?=\s|$)/g)
      ?.join(`\n${' '.repeat(18)}`);
  return [
    `${ABOUT}.`,
    '',
    'Begin with:',
    '  donations demo     the whole system in one terminal, with play money',
    '  donations doctor   is everything in order?',
    '  donations list     find donations',
    '',
    ...GROUPS.map((group) => `${group.padEnd(18)}${names(group)}`),
    '',
    'More: donations --help, donations <command> --help, donations help exit-codes',
  ].join('\n');
}

/**
 * Builds the program for a command line; without one, all of it. It contains only the command that the
 * line names, because loading all of them takes longer than most commands. If the first word names none,
 * it contains every branch without its verbs, which the help does not list.
 */
export async function buildProgram(context: Context, args?: string[]): Promise<Command> {
  const word = args?.find((arg) => !arg.startsWith('-'));
  const isInternal = word?.startsWith('__');
  const named = BRANCHES.filter(({ name }) => name === word);
  const verbsOf = (branch: Noun): Record<string, Load> => {
    const [, verb = ''] = args?.filter((arg) => arg !== '--no-color') ?? [];
    const load = Object.hasOwn(branch.verbs, verb) ? branch.verbs[verb] : undefined;
    if (named.length > 0 && load) return { [verb]: load };
    return args === undefined || named.length > 0 || word === 'help' ? branch.verbs : {};
  };
  const program = new Command('donations')
    .description(ABOUT)
    .usage('<command> [options]')
    .version(context.version, '-V, --version')
    .option('--no-color', 'plain text, as with NO_COLOR')
    .helpCommand(false)
    .hook('preAction', (_program, action) => checkValues(action))
    .addHelpText('after', '\nMore: donations <command> --help, donations help exit-codes');
  for (const branch of named.length > 0 || isInternal ? named : BRANCHES) {
    program.addCommand((await grow(branch, context, verbsOf)).helpGroup(branch.group));
  }
  program.addCommand(completionCommand(context, () => buildProgram(context)).helpGroup(SETUP));
  program.addCommand(
    completeCommand(context, (words) => buildProgram(context, words)),
    { hidden: true },
  );
  program.addCommand(
    manualCommand(context, () => buildProgram(context)),
    { hidden: true },
  );
  program.addCommand(
    helpCommand(context, () => program),
    { hidden: true },
  );
  makeStrict(program, context.io);
  return program;
}

async function grow(
  branch: Leaf | Noun,
  context: Context,
  verbsOf: (branch: Noun) => Record<string, Load>,
): Promise<Command> {
  if ('load' in branch) return (await branch.load())(context);
  const noun = new Command(branch.name)
    .description(branch.description)
    .usage(branch.bare ? '[command] [options]' : '<command> [options]')
    .helpCommand(false);
  for (const load of Object.values(verbsOf(branch))) {
    const verb = (await load())(context);
    noun.addCommand(verb, { isDefault: verb.name() === branch.bare });
  }
  for (const load of Object.values(branch.hidden ?? {}))
    noun.addCommand((await load())(context), { hidden: true });
  return noun;
}

/**
 * Makes Commander throw instead of exiting and printing errors, and gives all commands the same
 * look.
 */
function makeStrict(command: Command, io: Io): void {
  command
    .exitOverride()
    .allowExcessArguments(false)
    .showSuggestionAfterError()
    .configureHelp({ optionTerm: ({ flags }) => flags.replace(/^(--json|--watch) \[/, '$1[=') })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: () => {},
      getOutHelpWidth: () => io.stdout.columns || 100,
      getErrHelpWidth: () => io.stderr.columns || 100,
      getOutHasColors: () => io.color,
      getErrHasColors: () => io.color,
    });
  for (const child of command.commands) makeStrict(child, io);
}
