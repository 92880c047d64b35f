import { Command } from 'commander';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { runBulk } from '../shared/run-bulk.ts';
import { type ChangeOptions, chosenJobs, withJobs } from './shared/chosen-jobs.ts';

type Options = ChangeOptions & { includeUnsettled?: boolean };

/** `donations jobs discard`: removes jobs from the queue; they can be restored for 30 days. */
export function jobsDiscardCommand(context: Context): Command {
  const command = withJobs(
    new Command('discard').description(
      'remove jobs from the queue; for 30 days they can be restored',
    ),
  ).option('--include-unsettled', 'also discard jobs that an open donation needs to be settled');
  return examples(command, [
    ['donations jobs discard 4711 --reason "test data"', 'one job'],
    ['donations jobs discard --failed --task send_receipt --older-than 90d', 'old failures'],
  ]).action(async (words: string[], options: Options) => {
    const jobs = chosenJobs(words, options);
    const { changeJobs } = await import('../../lib/queue/change/change-jobs.ts');
    const { discard } = await import('../../lib/queue/change/discard.ts');
    const change = discard({ includeUnsettled: options.includeUnsettled === true });
    await runBulk(context, changeJobs(change, jobs), options);
  });
}
