import { Command } from 'commander';
import { usageError } from '../lib/errors.ts';
import { type Column, type OutputOptions, render } from '../lib/output/render.ts';
import type { Context } from './context.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { examples } from './shared/examples.ts';
import { withOutput } from './shared/output-options.ts';

const COLUMNS: Column<(typeof EXIT_CODES)[number]>[] = [
  { name: 'code', header: 'CODE', value: ({ code }) => code, align: 'right' },
  { name: 'meaning', header: 'MEANING', value: ({ meaning }) => meaning },
];

/** `donations help [command…]` and `donations help exit-codes`. */
export function helpCommand(context: Context, program: () => Command): Command {
  const command = new Command('help')
    .description('show the help of a command, or the meaning of exit codes')
    .argument('[command...]', 'the command, or exit-codes')
    .action((words: string[], options: OutputOptions) => {
      if (words[0] === 'exit-codes') return render(context.io, options, COLUMNS, [...EXIT_CODES]);
      if (options.json !== undefined || options.output !== undefined)
        throw usageError(
          'the help of a command is text',
          'With --json or --output: donations help exit-codes',
        );
      return findCommand(program(), words).outputHelp();
    });
  return examples(withOutput(command, COLUMNS), [
    ['donations help worker start', 'the same as: donations worker start --help'],
    ['donations help exit-codes', 'what each exit code means'],
  ]);
}

function findCommand(program: Command, words: string[]): Command {
  return words.reduce((at, word) => {
    const next = at.commands.find(
      (child) => child.name() === word || child.aliases().includes(word),
    );
    if (!next)
      throw usageError(
        `there is no command "${words.join(' ')}"`,
        'List the commands: donations --help',
      );
    return next;
  }, program);
}
