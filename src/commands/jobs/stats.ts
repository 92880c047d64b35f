import { Command } from 'commander';
import { say } from '../../lib/output/io.ts';
import { type OutputOptions, render } from '../../lib/output/render.ts';
import { formatDuration } from '../../lib/output/time.ts';
import { parseDuration } from '../../lib/parse.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { sayPauses } from '../shared/pauses-notice.ts';
import { statsColumns } from './shared/stats-columns.ts';

/** `donations jobs stats`: backlog, throughput and latency of each task. */
export function jobsStatsCommand(context: Context): Command {
  const command = new Command('stats')
    .description('each task: backlog, throughput, latency')
    .option('--window <time>', 'the window of rates and percentiles', '15m');
  return examples(withOutput(command, statsColumns({ more: new Set(), pauses: [] })), [
    ['donations jobs stats', 'the last quarter of an hour'],
    ['donations jobs stats --window 24h --json=task,ready,error_rate,drain_ms', 'for a script'],
  ]).action(async (options: OutputOptions & { window: string }) => {
    const windowMs = parseDuration(options.window);
    const { queueStats } = await import('../../lib/queue/read/stats.ts');
    const stats = await context.read((tx) => queueStats(tx, windowMs));
    const { io } = context;
    render(io, options, statsColumns(stats), stats.tasks, {
      empty: 'The queue is empty, and no job ran in this window.',
      now: stats.at,
    });
    sayPauses(io, stats.pauses, stats.at);
    if (stats.spanMs < windowMs)
      say(
        io,
        `Rates cover the latest ${formatDuration(stats.spanMs)} only, because there are too many attempts.`,
      );
    if (stats.more.size > 0) say(io, 'A number with + is a lower bound: counting stopped there.');
  });
}
