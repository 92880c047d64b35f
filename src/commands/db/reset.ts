import { Command } from 'commander';
import { describeDatabase } from '../../lib/db/describe.ts';
import { configurationError, UserError } from '../../lib/errors.ts';
import { say } from '../../lib/output/io.ts';
import { fieldsOf, type OutputOptions } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { confirmByTyping } from '../shared/confirm.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { writeDone } from '../shared/write-result.ts';

const FIELDS = fieldsOf('host', 'reset');

/** `donations db reset`: empties a sandbox database. */
export function dbResetCommand(context: Context): Command {
  const command = new Command('reset')
    .description('delete everything in a sandbox database and set it up again')
    .option('--yes', 'do not ask');
  return examples(withOutput(command, FIELDS), [
    ['donations db reset', 'asks first'],
    ['donations db reset --yes', 'for scripts'],
  ]).action(async (options: OutputOptions & { yes?: boolean }) => {
    const url = await context.directUrl();
    const { dropEverything } = await import('../../lib/db/reset.ts');
    const config = await context.config();
    if (config.mode !== 'sandbox')
      throw configurationError(
        `this is a ${config.mode} database, and donations db reset deletes sandbox databases only`,
        'Check which database the settings point to: donations config show',
      );
    const { where } = describeDatabase(config);
    if (
      !options.yes &&
      !(await confirmByTyping(
        context,
        `All donations, jobs and history in ${where} will be deleted.`,
        'reset',
      ))
    ) {
      throw new UserError('confirmation_needed', 'nothing was reset', 'Confirm with --yes.');
    }
    await dropEverything(url);
    const { migrate } = await import('../../lib/db/migrate.ts');
    await migrate(url);
    await context.db();
    writeDone(context.io, options, FIELDS, { host: where, reset: true }, () =>
      say(context.io, 'The database is empty and set up again.'),
    );
  });
}
