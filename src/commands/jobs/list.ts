import { Command, Option } from 'commander';
import { say } from '../../lib/output/io.ts';
import { type OutputOptions, render } from '../../lib/output/render.ts';
import { plural } from '../../lib/output/text.ts';
import { parseCount } from '../../lib/parse.ts';
import type { BoundedCount, Sort } from '../../lib/queue/read/list.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { type FilterOptions, filterOf, withFilter } from '../shared/filter-options.ts';
import { withOutput } from '../shared/output-options.ts';
import { sayPauses } from '../shared/pauses-notice.ts';
import { JOB_COLUMNS } from './shared/columns.ts';

type Options = OutputOptions & FilterOptions & { sort?: Sort; limit: string; after?: string };

/** `donations jobs list`: the jobs that a filter selects, in any state. */
export function jobsListCommand(context: Context): Command {
  const command = withFilter(
    new Command('list').description('list the jobs that a filter selects, page by page'),
  )
    .option('--all', 'in every state, which is the default')
    .addOption(
      new Option(
        '--sort <order>',
        'the order; by default the next to run, or the last to fail, first',
      ).choices(['newest', 'oldest', 'attempts']),
    )
    .option('--limit <n>', 'how many', '50')
    .option('--after <cursor>', 'continue after the page that printed this value');
  return examples(withOutput(command, JOB_COLUMNS), [
    ['donations jobs list --failed', 'failed jobs, the latest first'],
    ["donations jobs list 'task:send_receipt error:~timeout age:>1h fund:gala'", 'with a filter'],
    ['donations jobs list --held --json=id,donation,error', 'for a script'],
  ]).action(async (words: string[], options: Options) => {
    const filter = filterOf(words, options);
    const limit = parseCount(options.limit, { max: 10_000 });
    const { readJobs } = await import('../../lib/queue/read/page.ts');
    const { page, total, pauses } = await context.read((tx) =>
      readJobs(tx, filter, { sort: options.sort, after: options.after, limit }),
    );
    const { io } = context;
    render(io, options, JOB_COLUMNS, page.jobs, {
      empty: filter.text ? `No jobs: ${filter.text}` : 'No jobs in the queue.',
    });
    sayPauses(io, pauses, context.clock.now());
    if (page.jobs.length > 0) say(io, totals(page.jobs.length, total, page.next));
  });
}

function totals(shown: number, { count, more }: BoundedCount, next: string | undefined): string {
  const line = more
    ? `${shown} of more than ${plural(count, 'job')}.`
    : `${shown} of ${plural(count, 'job')}.`;
  return next ? `${line} Next page: --after ${next}` : line;
}
