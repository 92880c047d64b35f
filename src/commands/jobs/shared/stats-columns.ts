import { round } from '../../../lib/output/number.ts';
import type { Column } from '../../../lib/output/render.ts';
import { snakeCase } from '../../../lib/output/snake-case.ts';
import { formatDuration } from '../../../lib/output/time.ts';
import type { QueueStats, TaskStats } from '../../../lib/queue/read/stats.ts';

const COUNTS = {
  ready: { header: 'READY', bound: 'ready' },
  running: { header: 'RUN', bound: undefined },
  retrying: { header: 'RETRY', bound: 'later' },
  scheduled: { header: 'LATER', bound: 'later' },
  failed: { header: 'FAILED', bound: 'failed' },
  held: { header: 'HELD', bound: 'failed' },
} as const;

/** The columns of a task: counts, rates and percentiles. */
export function statsColumns({
  more,
  pauses,
}: Pick<QueueStats, 'more' | 'pauses'>): Column<TaskStats>[] {
  const isPaused = (task: string) => pauses.some((pause) => pause.task === task);
  const counts = Object.entries(COUNTS).map(
    ([name, { header, bound }]): Column<TaskStats> => ({
      name,
      header,
      value: (task) => task[name as keyof typeof COUNTS],
      text: (task) =>
        `${compact(task[name as keyof typeof COUNTS])}${bound && more.has(bound) ? '+' : ''}`,
      tone: (task) =>
        (name === 'failed' || name === 'held') && task[name] > 0 ? 'bad' : undefined,
      align: 'right',
      minor: name === 'scheduled' || name === 'retrying',
    }),
  );
  return [
    {
      name: 'task',
      header: 'TASK',
      value: (task) => task.task,
      text: ({ task }) => (isPaused(task) ? `‖ ${task}` : task),
      whole: true,
    },
    ...counts,
    {
      name: 'enqueued_per_minute',
      header: 'IN/MIN',
      value: (task) => round(task.enqueuedPerMinute, 1),
      text: (task) => `${rate(task.enqueuedPerMinute)}${more.has('enqueued') ? '+' : ''}`,
      align: 'right',
      minor: true,
    },
    {
      name: 'done_per_minute',
      header: 'DONE/MIN',
      value: (task) => round(task.donePerMinute, 1),
      text: (task) => rate(task.donePerMinute),
      align: 'right',
    },
    {
      name: 'error_rate',
      header: 'ERR',
      value: (task) => task.errorRate && round(task.errorRate, 4),
      text: (task) => (task.errorRate === null ? '' : `${rate(task.errorRate * 100)}%`),
      tone: (task) => ((task.errorRate ?? 0) >= 0.1 ? 'bad' : undefined),
      align: 'right',
    },
    ...percentiles('latency', 'WAIT'),
    ...percentiles('duration', 'TOOK'),
    {
      name: 'oldest_ready_at',
      header: 'OLDEST',
      value: (task) => task.oldestReady,
      text: (task, now) =>
        task.oldestReady ? formatDuration(now.getTime() - task.oldestReady.getTime()) : '',
      align: 'right',
      minor: true,
    },
    {
      name: 'drain_ms',
      header: 'DRAINED',
      value: (task) => task.drainMs && round(task.drainMs),
      text: (task) => drained(task, isPaused(task.task), more.has('ready')),
      tone: (task) => (task.drainMs === null ? 'warn' : undefined),
      align: 'right',
    },
    {
      name: 'pause',
      header: 'PAUSED',
      value: ({ task }) => snakeCase(pauses.find((pause) => pause.task === task)),
      text: ({ task }) => pauses.find((pause) => pause.task === task)?.reason ?? '',
      wide: true,
    },
  ];
}

/** People see the 95th percentile only. */
const percentiles = (name: 'latency' | 'duration', header: string) =>
  (['p50', 'p95', 'p99'] as const).map(
    (p): Column<TaskStats> => ({
      name: `${name}_${p}_ms`,
      header: `${header} ${p.toUpperCase()}`,
      value: (task) => task[name] && round(task[name][p]),
      text: (task) => (task[name] ? formatDuration(task[name][p]) : ''),
      align: 'right',
      wide: p !== 'p95',
      minor: name === 'duration',
    }),
  );

/** When the backlog will be empty at the present rate. */
function drained({ ready, drainMs, donePerMinute }: TaskStats, paused: boolean, more: boolean) {
  if (ready === 0) return '';
  if (drainMs !== null) return `in ${more ? '>' : ''}${formatDuration(drainMs)}`;
  return paused ? 'paused' : donePerMinute === 0 ? 'stalled' : 'growing';
}

const compact = (count: number) =>
  new Intl.NumberFormat('en-US', { notation: 'compact' }).format(count);
const rate = (value: number) => (value === 0 || value >= 10 ? value.toFixed(0) : value.toFixed(1));
