import { Command } from 'commander';
import { say } from '../../lib/output/io.ts';
import { render } from '../../lib/output/render.ts';
import { formatDuration } from '../../lib/output/time.ts';
import { parseCount, parseDuration } from '../../lib/parse.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { sayMore } from '../shared/paging.ts';
import { showOrWatch, type WatchOptions, withWatch } from '../shared/watch.ts';
import { ERROR_COLUMNS, retryOf } from './shared/error-columns.ts';

/** `donations jobs errors`: failures grouped by cause. */
export function jobsErrorsCommand(context: Context): Command {
  const command = new Command('errors')
    .description('failures grouped by cause: how many, since when, and how to retry just those')
    .option('--since <time>', 'failed or held for at most this long', '7d')
    .option(
      '--window <time>',
      'the window of recent failures; the trend compares it with the window before',
      '1h',
    )
    .option('--limit <n>', 'how many groups', '20');
  return examples(withWatch(withOutput(command, ERROR_COLUMNS)), [
    ['donations jobs errors', 'what goes wrong, the most frequent first'],
    [
      'donations jobs errors --window 10m --json=error,recent,recent_before,command',
      'for a script',
    ],
  ]).action(async (options: WatchOptions & { since: string; window: string; limit: string }) => {
    const sinceMs = parseDuration(options.since);
    const windowMs = parseDuration(options.window);
    const limit = parseCount(options.limit, { max: 1000 });
    const { groupErrors } = await import('../../lib/queue/read/errors.ts');
    await showOrWatch(context, options, async (io, options) => {
      const since = new Date(context.clock.now().getTime() - sinceMs);
      const { groups, more } = await context.read((tx) =>
        groupErrors(tx, { since, windowMs, limit: limit + 1 }),
      );
      render(io, options, ERROR_COLUMNS, groups.slice(0, limit), {
        empty: `Nothing has failed in the last ${formatDuration(sinceMs)}.`,
      });
      if (groups.length > limit) sayMore(io, limit);
      if (more) say(io, 'There are more than 100,000 failures: these are of the latest.');
      const worst = groups.find(({ failed }) => failed > 0);
      if (!worst) return;
      const retry = retryOf(worst);
      say(io, `The latest of the largest group: donations jobs show ${worst.example}`);
      if (retry) say(io, `To run that group again, after a plan: ${retry}`);
      else say(io, 'To retry these would change nothing.');
    });
  });
}
