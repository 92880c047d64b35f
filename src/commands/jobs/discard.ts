import { Command } from 'commander';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { type BulkOptions, chosenJobs, runChange, withBulk } from './shared/bulk.ts';

/** `donations jobs discard`: takes jobs out of the queue, to be restored for 30 days. */
export function jobsDiscardCommand(context: Context): Command {
  const command = withBulk(
    new Command('discard').description(
      'take jobs out of the queue for good; for 30 days they can be restored',
    ),
  ).option('--include-unsettled', 'also those without which a donation would never be settled');
  return examples(command, [
    ['donations jobs discard 4711 --reason "test data"', 'one job'],
    ['donations jobs discard --failed --task send_receipt --older-than 90d', 'old failures'],
  ]).action(async (words: string[], options: BulkOptions & { includeUnsettled?: boolean }) => {
    const jobs = chosenJobs(words, options);
    const { discard } = await import('../../lib/queue/change/discard.ts');
    const change = discard({ includeUnsettled: options.includeUnsettled === true });
    await runChange(context, change, jobs, options);
  });
}
