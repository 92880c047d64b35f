import { Command } from 'commander';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { type BulkOptions, chosenJobs, runChange, withBulk, withCanary } from './shared/bulk.ts';
import { type PaceOptions, paceOf, withPace } from './shared/pace.ts';

/** `donations jobs retry`: runs failed jobs again. */
export function jobsRetryCommand(context: Context): Command {
  const command = withPace(
    withCanary(
      withBulk(new Command('retry').description('run failed jobs again, from their first attempt')),
    ),
  ).option('--include-unknown', 'also those that may have had their effect already');
  return examples(command, [
    ['donations jobs retry 4711', 'one job'],
    ['donations jobs retry --failed --task send_receipt --canary 5 --rate 20/s', 'with care'],
    ["donations jobs retry 'fingerprint:3f2a since:2h' --dry-run", 'what it would do'],
  ]).action(
    async (words: string[], options: BulkOptions & PaceOptions & { includeUnknown?: boolean }) => {
      const jobs = chosenJobs(words, options);
      const pace = { ...paceOf(options), delayMs: 0 };
      const { retry } = await import('../../lib/queue/change/retry.ts');
      const change = retry({ pace, includeUnknown: options.includeUnknown === true });
      await runChange(context, change, jobs, options);
    },
  );
}
