import { setTimeout as wait } from 'node:timers/promises';
import { Command } from 'commander';
import { plain, print } from '../../lib/output/io.ts';
import type { RecentId } from '../../lib/recent-ids.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { candidatesFor, type RecentWanted } from './candidates.ts';

/** Completion must not keep a shell waiting. */
const PATIENCE_MS = 1000;

/**
 * `donations __complete -- words…`: what the last word can become, for the scripts of
 * `donations completion`. It says nothing when it fails, and makes no database.
 */
export function completeCommand(
  context: Context,
  programOf: (words: string[]) => Promise<Command>,
): Command {
  const command = new Command('__complete')
    .description('print what the last word can become, a line each, with a description after a tab')
    .argument('[words...]', 'the words after `donations`, up to the cursor')
    .action(async () => {
      // As typed: Commander sees some words in another form.
      const words = context.args.slice(context.args.indexOf('--') + 1);
      try {
        const { words: found, recent } = candidatesFor(await programOf(words), words);
        const ids = await within(PATIENCE_MS, [], () => recentIds(context, recent));
        for (const { word, about } of [...found, ...ids])
          print(context.io, `${plain(word)}\t${plain(about)}`);
      } catch {
        // The shell shows the line that is being typed, and has no place for an error.
      }
    });
  return examples(command, [
    ['donations __complete -- jobs retry state:f', 'the states that begin with f'],
    ['donations __complete -- show don_', 'the latest donations'],
  ]);
}

async function recentIds(context: Context, wanted: RecentWanted[]) {
  if (wanted.length === 0) return [];
  const { databaseUrl, databaseDirectUrl: directUrl, dataDir } = await context.connection();
  const { embeddedStatus } = await import('../../lib/db/embedded.ts');
  // An embedded database that does not run is not started for this.
  const url = databaseUrl ?? (await embeddedStatus({ dataDir })).url;
  if (url === undefined) return [];
  const [{ openDb }, { findRecentIds }] = await Promise.all([
    import('../../lib/db/database.ts'),
    import('../../lib/recent-ids.ts'),
  ]);
  const db = openDb({ url, directUrl, applicationName: 'donations completion', poolSize: 1 });
  return db.transaction(
    async (tx) => {
      const found: { word: string; about: string }[] = [];
      for (const { kind, before, typed } of wanted) {
        const ids: RecentId[] = await findRecentIds(tx, kind, typed);
        found.push(...ids.map(({ id, about }) => ({ word: before + id, about })));
      }
      return found;
    },
    { statementTimeoutMs: PATIENCE_MS },
  );
}

const within = <T>(ms: number, instead: T, work: () => Promise<T>): Promise<T> =>
  Promise.race([work().catch(() => instead), wait(ms, instead, { ref: false })]);
