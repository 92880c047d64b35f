import { Command } from 'commander';
import { say } from '../../lib/output/io.ts';
import { type Column, type OutputOptions, render } from '../../lib/output/render.ts';
import { formatDuration } from '../../lib/output/time.ts';
import { parseDuration } from '../../lib/parse.ts';
import type { Percentiles, QueueStats, TaskStats } from '../../lib/queue/stats.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { withOutput } from '../output-options.ts';
import { sayPauses } from '../pauses-notice.ts';

const rate = (value: number) => (value === 0 || value >= 10 ? value.toFixed(0) : value.toFixed(1));
const three = (each: Percentiles | null) =>
  each ? [each.p50, each.p95, each.p99].map(formatDuration).join('/') : '';

function columns({ more, pauses }: QueueStats): Column<TaskStats>[] {
  const count = (
    name: 'ready' | 'running' | 'retrying' | 'scheduled' | 'failed' | 'held',
    bound?: 'waiting' | 'failed',
  ): Column<TaskStats> => ({
    name,
    header: name.toUpperCase(),
    value: (task) => task[name],
    text: (task) => `${task[name].toLocaleString('en-US')}${bound && more.has(bound) ? '+' : ''}`,
    tone: (task) => (task[name] > 0 && (name === 'failed' || name === 'held') ? 'bad' : undefined),
    align: 'right',
  });
  const percentile = (name: 'latency' | 'duration', p: keyof Percentiles): Column<TaskStats> => ({
    name: `${name}_${p}_ms`,
    header: `${name.toUpperCase()} ${p.toUpperCase()}`,
    value: (task) => task[name]?.[p] ?? null,
    wide: true,
  });
  return [
    {
      name: 'task',
      header: 'TASK',
      value: (task) => task.task,
      text: ({ task }) => (pauses.some((pause) => pause.task === task) ? `‖ ${task}` : task),
    },
    count('ready', 'waiting'),
    count('running'),
    count('retrying', 'waiting'),
    count('scheduled', 'waiting'),
    count('failed', 'failed'),
    count('held', 'failed'),
    {
      name: 'enqueued_per_minute',
      header: 'IN/MIN',
      value: (task) => task.enqueuedPerMinute,
      text: (task) => `${rate(task.enqueuedPerMinute)}${more.has('enqueued') ? '+' : ''}`,
      align: 'right',
    },
    {
      name: 'done_per_minute',
      header: 'DONE/MIN',
      value: (task) => task.donePerMinute,
      text: (task) => rate(task.donePerMinute),
      align: 'right',
    },
    {
      name: 'error_rate',
      header: 'ERR',
      value: (task) => task.errorRate,
      text: (task) => (task.errorRate === null ? '' : `${rate(task.errorRate * 100)}%`),
      tone: (task) => ((task.errorRate ?? 0) >= 0.1 ? 'bad' : undefined),
      align: 'right',
    },
    {
      name: 'latency_ms',
      header: 'WAIT 50/95/99',
      value: (task) => task.latency,
      text: (task) => three(task.latency),
      align: 'right',
    },
    {
      name: 'duration_ms',
      header: 'RUN 50/95/99',
      value: (task) => task.duration,
      text: (task) => three(task.duration),
      align: 'right',
    },
    {
      name: 'oldest_ready',
      header: 'OLDEST',
      value: (task) => task.oldestReady,
      text: (task, now) =>
        task.oldestReady ? formatDuration(now.getTime() - task.oldestReady.getTime()) : '',
      align: 'right',
    },
    {
      name: 'drain_ms',
      header: 'DRAINED IN',
      value: (task) => task.drainMs,
      text: (task) =>
        task.drainMs === null
          ? 'growing'
          : task.drainMs === 0
            ? ''
            : `${more.has('waiting') ? '>' : ''}${formatDuration(task.drainMs)}`,
      tone: (task) => (task.drainMs === null ? 'warn' : undefined),
      align: 'right',
    },
    ...(['latency', 'duration'] as const).flatMap((name) =>
      (['p50', 'p95', 'p99'] as const).map((p) => percentile(name, p)),
    ),
    {
      name: 'paused',
      header: 'PAUSED',
      value: ({ task }) => pauses.find((pause) => pause.task === task)?.reason ?? null,
      wide: true,
    },
  ];
}

/** `donations jobs stats`: how much there is of each task, and how fast it moves. */
export function jobsStatsCommand(context: Context): Command {
  const command = new Command('stats')
    .description('each task: how much there is, how fast it moves, how long it waits')
    .option('--window <time>', 'over which rates and percentiles are taken', '15m');
  return examples(withOutput(command), [
    ['donations jobs stats', 'the last quarter of an hour'],
    ['donations jobs stats --window 24h --json=task,ready,error_rate,drain_ms', 'for a script'],
  ]).action(async (options: OutputOptions & { window: string }) => {
    const windowMs = parseDuration(options.window);
    const { queueStats } = await import('../../lib/queue/stats.ts');
    const stats = await context.read((tx) => queueStats(tx, windowMs));
    const { io } = context;
    render(io, options, columns(stats), stats.tasks, {
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
}
