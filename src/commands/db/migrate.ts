import { Command } from 'commander';
import { print, say } from '../../lib/output/io.ts';
import { fieldsOf, type OutputOptions } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { writeDone } from '../shared/write-result.ts';

const FIELDS = fieldsOf('applied_migrations', 'pending_migrations');

/** `donations db migrate`: brings the database to this version. */
export function dbMigrateCommand(context: Context): Command {
  const command = new Command('migrate')
    .description('bring the database to this version of donations')
    .option('--dry-run', 'only list what would be applied');
  return examples(withOutput(command, FIELDS), [
    ['donations db migrate --dry-run', 'list pending migrations'],
    ['donations db migrate', 'apply them'],
  ]).action(async (options: OutputOptions & { dryRun?: boolean }) => {
    const { io } = context;
    const url = await context.directUrl();
    const { migrate, migrationState } = await import('../../lib/db/migrate.ts');
    if (options.dryRun) {
      const { openDb } = await import('../../lib/db/database.ts');
      const db = openDb({ url, applicationName: 'donations db migrate' });
      const { pending } = await migrationState(db).finally(() => db.close());
      return writeDone(
        io,
        options,
        FIELDS,
        { applied_migrations: [], pending_migrations: pending },
        () => {
          for (const name of pending) print(io, name);
          const none = pending.length === 0;
          say(io, none ? 'Nothing is pending.' : `${pending.length} pending, none applied.`);
        },
      );
    }
    const applied = await migrate(url);
    const { ensureMode } = await import('../../lib/db/prepare.ts');
    await ensureMode(await context.db(), (await context.config()).mode);
    writeDone(io, options, FIELDS, { applied_migrations: applied, pending_migrations: [] }, () => {
      for (const name of applied) print(io, name);
      say(io, applied.length > 0 ? `${applied.length} applied.` : 'Nothing was pending.');
    });
  });
}
