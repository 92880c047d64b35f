import { Command } from 'commander';
import type { Context } from '../context.ts';
import { type BulkOptions, withBulk } from '../shared/bulk-options.ts';
import { examples } from '../shared/examples.ts';
import { runBulk } from '../shared/run-bulk.ts';
import { JOB_PLAN_FIELDS } from './shared/chosen-jobs.ts';

/** `donations jobs recall <id>`: calls off a retry as far as its jobs still wait for their turn. */
export function jobsRecallCommand(context: Context): Command {
  const command = withBulk(
    new Command('recall')
      .description('call off a retry: its jobs that still wait for their turn are failed again')
      .argument('<id>', 'the audit entry of a retry with --rate or --spread (aud_…)'),
    'jobs',
    JOB_PLAN_FIELDS,
  );
  return examples(command, [
    ['donations jobs recall aud_01jd2x --dry-run', 'how many still wait'],
    ['donations jobs recall aud_01jd2x --reason "wrong logo"', 'call them off'],
  ]).action(async (ref: string, options: BulkOptions) => {
    const { changeJobs } = await import('../../lib/queue/change/change-jobs.ts');
    const { findPacedRetry, recall } = await import('../../lib/queue/change/recall.ts');
    const { parseJobFilter } = await import('../../lib/queue/read/vocabulary.ts');
    const retry = await findPacedRetry(await context.db(), ref);
    await runBulk(context, changeJobs(recall(), parseJobFilter(`retry:${retry}`)), options);
  });
}
