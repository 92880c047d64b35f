import { Command } from 'commander';
import { print } from '../../lib/output/io.ts';
import { fieldsOf, type OutputOptions } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { writeDone } from '../shared/write-result.ts';

const FIELDS = fieldsOf('url');

/** `donations db url`: the connection URL with the password, for other programs. */
export function dbUrlCommand(context: Context): Command {
  const command = new Command('url').description(
    'print the connection URL, password included, for other programs',
  );
  return examples(withOutput(command, FIELDS), [
    ['psql "$(donations db url)"', 'open a prompt on the database'],
    ['DATABASE_URL=$(donations db url) my-app', 'let another program enqueue jobs'],
  ]).action(async (options: OutputOptions) => {
    const url = await context.databaseUrl();
    writeDone(context.io, options, FIELDS, { url }, () => print(context.io, url));
  });
}
