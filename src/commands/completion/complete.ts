import { Command } from 'commander';
import { plain, print } from '../../lib/output/io.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { candidatesFor } from './candidates.ts';
import { findWanted } from './recent.ts';

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
        const ids = await findWanted(context, recent, PATIENCE_MS);
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
