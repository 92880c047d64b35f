import { Command } from 'commander';
import type { Context } from '../context.ts';
import { type BulkOptions, withBulk } from '../shared/bulk-options.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { runBulk } from '../shared/run-bulk.ts';
import { JOB_PLAN_FIELDS } from './shared/chosen-jobs.ts';

/** `donations jobs recall <id>`: cancels a paced retry for the jobs that have not run yet. */
export function jobsRecallCommand(context: Context): Command {
  const command = withBulk(
    new Command('recall')
      .description('cancel a paced retry: its jobs that have not run yet are failed or held again')
      .addArgument(
        new CompletedArgument(
          '<id>',
          'the audit entry of a retry with --rate or --spread (aud_…)',
          recent('audit'),
        ),
      ),
    'jobs',
    JOB_PLAN_FIELDS,
  );
  return examples(command, [
    ['donations jobs recall aud_01jd2x --dry-run', 'how many have not run yet'],
    ['donations jobs recall aud_01jd2x --reason "wrong logo"', 'cancel them'],
  ]).action(async (ref: string, options: BulkOptions) => {
    const { changeJobs } = await import('../../lib/queue/change/change-jobs.ts');
    const { findPacedRetry, recall } = await import('../../lib/queue/change/recall.ts');
    const { parseJobFilter } = await import('../../lib/queue/read/vocabulary.ts');
    const retry = await findPacedRetry(await context.db(), ref);
    await runBulk(context, changeJobs(recall(), parseJobFilter(`retry:${retry}`)), options);
  });
}
