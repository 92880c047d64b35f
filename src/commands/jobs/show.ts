import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { chosenFormat, type OutputOptions, renderOne } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { openDashboard, withOpen } from '../shared/dashboard.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { JOB_FIELDS } from './shared/job-fields.ts';
import { tellJob } from './shared/tell-job.ts';

/** `donations jobs show <id>`: one job, the reason for its state, and the possible actions. */
export function jobsShowCommand(context: Context): Command {
  const command = withOpen(new Command('show'))
    .description('one job: payload, state and the reason for it, every attempt, what happens next')
    .addArgument(new CompletedArgument('<id>', 'job id', recent('job')));
  return examples(withOutput(command, JOB_FIELDS), [
    ['donations jobs show 4711', 'why it failed, and what to do'],
    ['donations jobs show 4711 --json', 'for a script'],
  ]).action(async (id: string, options: OutputOptions & { open?: boolean }) => {
    if (!/^\d{1,18}$/.test(id))
      throw usageError(`"${id}" is not the id of a job`, 'To see a donation: donations show <id>');
    const { describeJob } = await import('../../lib/queue/read/detail.ts');
    if (options.open) {
      const { jobPage } = await import('../shared/provider-pages.ts');
      return openDashboard(context, async (tx) => jobPage(tx, await describeJob(tx, id)));
    }
    const detail = await context.read((tx) => describeJob(tx, id));
    const { io, clock } = context;
    if (chosenFormat(options).format === 'table') tellJob(io, detail, clock.now());
    else renderOne(io, options, JOB_FIELDS, detail);
  });
}
