import { type Command, Option } from 'commander';

/** Adds the options that say how results are written. */
export function withOutput(command: Command): Command {
  return command
    .addOption(
      new Option('--output <format>', 'how to write the result').choices([
        'table',
        'json',
        'ndjson',
        'csv',
      ]),
    )
    .option('--json [fields]', 'write JSON; with fields (a,b) only those');
}
