import { type Command, Option } from 'commander';
import { checkOutput, type OutputOptions } from '../../lib/output/render.ts';
import { CompletedOption } from './completed.ts';

/** The fields of a command's result. */
type Fields = readonly { name: string }[];

/**
 * Adds the options for the output format. They are checked before the command does anything.
 *
 * @param fields the command's columns; a function if other options decide on them.
 */
export function withOutput<Options extends OutputOptions = OutputOptions>(
  command: Command,
  fields: Fields | ((options: Options) => Fields),
): Command {
  return command
    .addOption(
      new Option('--output <format>', 'the format of the result').choices([
        'table',
        'json',
        'ndjson',
        'csv',
      ]),
    )
    .addOption(
      new CompletedOption(
        '--json [fields]',
        'write JSON; optionally only these fields (a,b)',
        typeof fields === 'function' ? [] : fields.map(({ name }) => name),
      ),
    )
    .hook('preAction', (_hooked, action) => {
      const options = action.opts<Options>();
      checkOutput(options, typeof fields === 'function' ? fields(options) : fields);
    });
}
