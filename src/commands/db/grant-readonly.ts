import { Command } from 'commander';
import { print, say } from '../../lib/output/io.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';

/** `donations db grant-readonly <role>`: lets a role of Postgres read, and no more. */
export function dbGrantReadonlyCommand(context: Context): Command {
  const command = new Command('grant-readonly')
    .description('let a role of Postgres read everything and change nothing')
    .argument('<role>', 'the role, which exists already')
    .option('--print', 'only print the statements, for psql');
  return examples(command, [
    ['donations db grant-readonly reporting', 'commands that only read work with this role'],
    ['donations db grant-readonly reporting --print | psql "$URL"', 'as another owner'],
  ]).action(async (role: string, options: { print?: boolean }) => {
    const { grantReadOnly, readOnlyGrants } = await import('../../lib/db/grants.ts');
    if (options.print) return print(context.io, readOnlyGrants(role).join('\n'));
    const db = await context.db();
    await db.transaction((tx) => grantReadOnly(tx, role));
    say(context.io, `${role} may read everything, and change nothing.`);
  });
}
