import { Command } from 'commander';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { runBulk } from '../shared/run-bulk.ts';
import { type TimingOptions, timingOf, withTiming } from '../shared/timing-options.ts';
import { type CanaryOptions, canaryOf, withCanary } from './shared/canary-options.ts';
import { type ChangeOptions, chosenJobs, withJobs } from './shared/chosen-jobs.ts';

type Options = ChangeOptions & TimingOptions & CanaryOptions & { includeUnknown?: boolean };

/** `donations jobs retry`: runs failed jobs again. */
export function jobsRetryCommand(context: Context): Command {
  const command = withTiming(
    withCanary(
      withJobs(
        new Command('retry').description('run failed jobs again, starting at their first attempt'),
      ),
    ),
  ).option('--include-unknown', 'also retry jobs that may have taken effect already');
  return examples(command, [
    ['donations jobs retry 4711', 'one job'],
    [
      'donations jobs retry --failed --task send_receipt --canary 5 --rate 20/s',
      'five jobs first, then the rest at a limited rate',
    ],
    ["donations jobs retry 'fingerprint:3f2a since:2h' --dry-run", 'preview what it would do'],
  ]).action(async (words: string[], options: Options) => {
    const jobs = chosenJobs(words, options);
    const timing = { ...timingOf(options), delayMs: 0 };
    const makePacing = canaryOf(context, options);
    const { changeJobs } = await import('../../lib/queue/change/change-jobs.ts');
    const { retry } = await import('../../lib/queue/change/retry.ts');
    const change = retry({ timing, includeUnknown: options.includeUnknown === true });
    await runBulk(context, changeJobs(change, jobs), options, { makePacing });
  });
}
