import { Command } from 'commander';
import { say } from '../../lib/output/io.ts';
import { render } from '../../lib/output/render.ts';
import { formatDuration } from '../../lib/output/time.ts';
import { parseDuration } from '../../lib/parse.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { sayPauses } from '../shared/pauses-notice.ts';
import { showOrWatch, type WatchOptions, withWatch } from '../shared/watch.ts';
import { statsColumns } from './shared/stats-columns.ts';

/** `donations jobs stats`: backlog, throughput and latency of each task. */
export function jobsStatsCommand(context: Context): Command {
  const command = new Command('stats')
    .description('show the backlog, the throughput and the waiting time of each task')
    .option('--window <time>', 'over which rates and percentiles are taken', '15m');
  return examples(withWatch(withOutput(command, statsColumns({ more: new Set(), pauses: [] }))), [
    ['donations jobs stats', 'the last quarter of an hour'],
    ['donations jobs stats --window 24h --json=task,ready,error_rate,drain_ms', 'for a script'],
  ]).action(async (options: WatchOptions & { window: string }) => {
    const windowMs = parseDuration(options.window);
    const { queueStats } = await import('../../lib/queue/read/stats.ts');
    await showOrWatch(context, options, async (io, options) => {
      const stats = await context.read((tx) => queueStats(tx, windowMs));
      render(io, options, statsColumns(stats), stats.tasks, {
        empty: 'Nothing is in the queue, and nothing was in this time.',
        now: stats.at,
      });
      sayPauses(io, stats.pauses, stats.at);
      if (stats.spanMs < windowMs)
        say(
          io,
          `Rates are of the latest ${formatDuration(stats.spanMs)}: it goes too fast for more.`,
        );
      if (stats.more.size > 0) say(io, 'A number with + is a lower bound: counting stopped there.');
    });
  });
}
