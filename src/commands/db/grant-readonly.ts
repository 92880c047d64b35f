import { Command } from 'commander';
import { print, say } from '../../lib/output/io.ts';
import { fieldsOf, type OutputOptions } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { writeDone } from '../shared/write-result.ts';

const FIELDS = fieldsOf('role', 'granted', 'statements');

/** `donations db grant-readonly <role>`: lets a role of Postgres read, and no more. */
export function dbGrantReadonlyCommand(context: Context): Command {
  const command = new Command('grant-readonly')
    .description('let a role of Postgres read everything and change nothing')
    .argument('<role>', 'the role, which exists already')
    .option('--print', 'only print the statements, for psql');
  return examples(withOutput(command, FIELDS), [
    ['donations db grant-readonly reporting', 'commands that only read work with this role'],
    ['donations db grant-readonly reporting --print | psql "$URL"', 'as another owner'],
  ]).action(async (role: string, options: OutputOptions & { print?: boolean }) => {
    const { grantReadOnly, readOnlyGrants } = await import('../../lib/db/grants.ts');
    const { io } = context;
    const statements = readOnlyGrants(role);
    if (options.print)
      return writeDone(io, options, FIELDS, { role, granted: false, statements }, () =>
        print(io, statements.join('\n')),
      );
    const db = await context.db();
    await db.transaction((tx) => grantReadOnly(tx, role));
    writeDone(io, options, FIELDS, { role, granted: true, statements }, () =>
      say(io, `${role} may read everything, and change nothing.`),
    );
  });
}
