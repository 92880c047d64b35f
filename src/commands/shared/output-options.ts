import { type Command, Option } from 'commander';
import { checkOutput, type OutputOptions } from '../../lib/output/render.ts';

/** The fields that a command writes. */
type Fields = readonly { name: string }[];

/**
 * Adds the options that say how results are written. They are checked before the command does
 * anything.
 *
 * @param fields the command's columns; a function where other options decide on them.
 */
export function withOutput<Options extends OutputOptions = OutputOptions>(
  command: Command,
  fields: Fields | ((options: Options) => Fields),
): Command {
  return command
    .addOption(
      new Option('--output <format>', 'how to write the result').choices([
        'table',
        'json',
        'ndjson',
        'csv',
      ]),
    )
    .option('--json [fields]', 'write JSON; with fields (a,b) only those')
    .hook('preAction', (_hooked, action) => {
      const options = action.opts<Options>();
      checkOutput(options, typeof fields === 'function' ? fields(options) : fields);
    });
}
