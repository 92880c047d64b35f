import { Command, Option } from 'commander';
import { render } from '../../lib/output/render.ts';
import { parseCount } from '../../lib/parse.ts';
import type { Sort } from '../../lib/queue/read/list.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { type FilterOptions, filterOf, withFilter } from '../shared/filter-options.ts';
import { withOutput } from '../shared/output-options.ts';
import { sayPage, withPaging } from '../shared/paging.ts';
import { sayPauses } from '../shared/pauses-notice.ts';
import { showOrWatch, type WatchOptions, withWatch } from '../shared/watch.ts';
import { JOB_COLUMNS } from './shared/columns.ts';

type Options = WatchOptions & FilterOptions & { sort?: Sort; limit: string; after?: string };

/** `donations jobs list`: the jobs that a filter selects, in any state. */
export function jobsListCommand(context: Context): Command {
  const command = withFilter(
    new Command('list').description('list the jobs that a filter selects, page by page'),
  )
    .option('--all', 'in every state, which is the default')
    .addOption(
      new Option('--sort <order>', 'the order; by default what runs next, or failed last').choices([
        'newest',
        'oldest',
        'attempts',
      ]),
    );
  return examples(withWatch(withPaging(withOutput(command, JOB_COLUMNS))), [
    ['donations jobs list --failed', 'what is given up, the latest first'],
    ["donations jobs list 'task:send_receipt error:~timeout age:>1h fund:gala'", 'by a filter'],
    ['donations jobs list --held --json=job,donation,last_error', 'for a script'],
  ]).action(async (words: string[], options: Options) => {
    const filter = filterOf(words, options);
    const limit = parseCount(options.limit, { max: 10_000 });
    const { readJobs } = await import('../../lib/queue/read/page.ts');
    await showOrWatch(context, options, async (io, options) => {
      const { page, total, pauses } = await context.read((tx) =>
        readJobs(tx, filter, { sort: options.sort, after: options.after, limit }),
      );
      render(io, options, JOB_COLUMNS, page.jobs, {
        empty: filter.text ? `No jobs: ${filter.text}` : 'No jobs in the queue.',
      });
      sayPauses(io, pauses, context.clock.now());
      sayPage({ ...context, io }, page.jobs.length, { total, next: page.next, one: 'job' });
    });
  });
}
