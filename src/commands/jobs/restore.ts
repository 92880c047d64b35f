import { Command } from 'commander';
import { print, say } from '../../lib/output/io.ts';
import { chosenFormat, fieldsOf, type OutputOptions, renderOne } from '../../lib/output/render.ts';
import { plural } from '../../lib/output/text.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';

const FIELDS = fieldsOf('audit', 'restored', 'replaced');

/** `donations jobs restore <id>`: restores discarded jobs. */
export function jobsRestoreCommand(context: Context): Command {
  const command = new Command('restore')
    .description('restore discarded jobs as they were: failed jobs are failed again')
    .addArgument(
      new CompletedArgument(
        '<id>',
        'the audit entry of the discard (aud_…), or the id of one job',
        recent('audit'),
      ),
    )
    .option('--reason <text>', 'why, for the audit trail');
  return examples(withOutput(command, FIELDS), [
    ['donations jobs restore aud_01jd2x', 'all jobs of one discard'],
    ['donations jobs restore 4711', 'one job'],
  ]).action(async (ref: string, options: OutputOptions & { reason?: string }) => {
    const { restoreJobs } = await import('../../lib/queue/change/restore.ts');
    const { io } = context;
    const operator = await context.operator();
    const { operation, restored, replaced } = await restoreJobs(await context.db(), ref, {
      operator,
      reason: options.reason,
    });
    if (chosenFormat(options).format !== 'table')
      return renderOne(io, options, FIELDS, { audit: operation, restored, replaced });
    print(io, `Restored ${plural(restored, 'job')}, under new ids.`);
    if (replaced > 0)
      say(io, `${replaced} not restored: the queue has another job of the same key.`);
    if (operation) say(io, `Next: donations audit show ${operation}`);
  });
}
