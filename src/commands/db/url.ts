import { Command } from 'commander';
import { print } from '../../lib/output/io.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';

/** `donations db url`: the connection URL with the password, for other programs. */
export function dbUrlCommand(context: Context): Command {
  const command = new Command('url').description(
    'print the connection URL, password included, for other programs',
  );
  return examples(command, [
    ['psql "$(donations db url)"', 'open a prompt on the database'],
    ['DATABASE_URL=$(donations db url) my-app', 'let another program enqueue jobs'],
  ]).action(async () => {
    print(context.io, await context.databaseUrl());
  });
}
