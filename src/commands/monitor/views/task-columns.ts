import type { Rule } from '../../../lib/health/rule-kinds.ts';
import { errorLevel, taskState, waitLevel, waitMs } from '../../../lib/monitor/health.ts';
import type { SnapshotTask, Tasks } from '../../../lib/monitor/snapshot.ts';
import { formatDuration } from '../../../lib/output/time.ts';
import { sparkline } from '../chart.ts';
import { compact, percent, rate } from '../text.ts';
import type { Theme } from '../theme.ts';
import { count, dimZero, stateSpan } from './cells.ts';
import type { ScreenColumn } from './parts.tsx';

export function taskColumns(
  tasks: Tasks,
  { rules, now }: { rules: Rule[]; now: number },
  theme: Theme,
): ScreenColumn<SnapshotTask>[] {
  const more = (name: string) => tasks.more.includes(name);
  return [
    { head: 'TASK', width: 'fill', least: 15, cell: ({ task }) => ({ text: task, tone: 'bold' }) },
    {
      head: 'READY',
      width: 6,
      align: 'right',
      cell: (row) =>
        row.readyEstimate !== null && row.readyEstimate > (row.ready ?? 0)
          ? { text: `~${compact(row.readyEstimate)}` }
          : count(row.ready, undefined, more('ready') && row.ready !== 0),
    },
    { head: 'RUN', width: 4, spare: 3, align: 'right', cell: ({ running }) => count(running) },
    {
      head: 'LATER',
      width: 6,
      align: 'right',
      from: 100,
      cell: ({ scheduled }) => count(scheduled, undefined, more('later')),
    },
    {
      head: 'RETRY',
      width: 5,
      spare: 4,
      align: 'right',
      cell: ({ retrying }) => count(retrying, 'warn', more('later')),
    },
    {
      head: 'FAILED',
      width: 6,
      align: 'right',
      cell: ({ failed }) => count(failed, 'bad', more('failed')),
    },
    {
      head: 'HELD',
      width: 5,
      align: 'right',
      cell: ({ held }) => count(held, 'bad', more('failed')),
    },
    {
      head: 'IN/MIN',
      width: 7,
      align: 'right',
      from: 110,
      cell: ({ enqueuedPerMinute }) => ({
        text: rate(enqueuedPerMinute),
        tone: dimZero(enqueuedPerMinute),
      }),
    },
    {
      head: 'DONE/MIN',
      width: 8,
      align: 'right',
      from: 66,
      cell: ({ donePerMinute }) => ({ text: rate(donePerMinute), tone: dimZero(donePerMinute) }),
    },
    {
      head: 'ERR',
      width: 4,
      spare: 1,
      align: 'right',
      cell: (row) => {
        const { errorRate } = row;
        if (errorRate === null) return { text: '' };
        const isWrong = errorLevel(row, rules) !== 'ok';
        return { text: percent(errorRate), tone: isWrong ? 'bad' : dimZero(errorRate) };
      },
    },
    {
      head: 'WAIT',
      width: 5,
      spare: 2,
      align: 'right',
      cell: (row) => {
        const wait = waitMs(row, now);
        return wait < 1000
          ? { text: '' }
          : {
              text: formatDuration(wait),
              tone: waitLevel(row, rules, now) === 'ok' ? undefined : 'bad',
            };
      },
    },
    {
      head: 'P95',
      width: 6,
      align: 'right',
      from: 100,
      cell: ({ duration }) => ({ text: duration ? formatDuration(duration.p95) : '' }),
    },
    {
      head: 'TREND',
      width: 12,
      from: 116,
      cell: ({ trend }) => ({ text: sparkline(trend, 12, theme.glyphs), tone: 'good' }),
    },
    {
      head: 'STATE',
      width: 14,
      cell: (row) => stateSpan(taskState(row, tasks, rules, now), theme),
    },
  ];
}
