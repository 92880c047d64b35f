import { Command } from 'commander';
import { print, say } from '../../lib/output/io.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';

/** `donations db migrate`: brings the database to this version. */
export function dbMigrateCommand(context: Context): Command {
  const command = new Command('migrate')
    .description('bring the database to this version of donations')
    .option('--dry-run', 'only list what would be applied');
  return examples(command, [
    ['donations db migrate --dry-run', 'list pending migrations'],
    ['donations db migrate', 'apply them'],
  ]).action(async (options: { dryRun?: boolean }) => {
    const { io } = context;
    const url = await context.directUrl();
    const { migrate, migrationState } = await import('../../lib/db/migrate.ts');
    if (options.dryRun) {
      const { openDb } = await import('../../lib/db/database.ts');
      const db = openDb({ url, applicationName: 'donations db migrate' });
      const { pending } = await migrationState(db).finally(() => db.close());
      for (const name of pending) print(io, name);
      return say(
        io,
        pending.length > 0 ? `${pending.length} pending, none applied.` : 'Nothing is pending.',
      );
    }
    const applied = await migrate(url);
    for (const name of applied) print(io, name);
    const { ensureMode } = await import('../../lib/db/prepare.ts');
    await ensureMode(await context.db(), (await context.config()).mode);
    say(io, applied.length > 0 ? `${applied.length} applied.` : 'Nothing was pending.');
  });
}
