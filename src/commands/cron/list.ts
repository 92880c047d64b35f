import { Command } from 'commander';
import { say } from '../../lib/output/io.ts';
import { round } from '../../lib/output/number.ts';
import { type Column, render } from '../../lib/output/render.ts';
import { statusText, statusTone } from '../../lib/output/status.ts';
import { formatDuration } from '../../lib/output/time.ts';
import type { RecurringTask } from '../../lib/recurring/runs.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { showOrWatch, type WatchOptions, withWatch } from '../shared/watch.ts';

const duration = (ms: number | null) => (ms === null ? '' : formatDuration(ms));

const COLUMNS: Column<RecurringTask>[] = [
  { name: 'name', header: 'TASK', value: (row) => row.name },
  {
    name: 'status',
    header: 'STATUS',
    value: (row) => row.state,
    text: (row) => statusText(row.state),
    tone: (row) => statusTone(row.state),
  },
  { name: 'last_run_at', header: 'LAST RUN', value: (row) => row.lastRun },
  { name: 'outcome', header: 'OUTCOME', value: (row) => row.outcome },
  {
    name: 'duration_ms',
    header: 'TOOK',
    value: (row) => row.durationMs && round(row.durationMs),
    text: (row) => duration(row.durationMs),
    align: 'right',
    minor: true,
  },
  { name: 'next_run_at', header: 'NEXT RUN', value: (row) => row.nextRun },
  {
    name: 'every_ms',
    header: 'EVERY',
    value: (row) => row.everyMs,
    text: (row) => duration(row.everyMs),
    align: 'right',
  },
  { name: 'last_success_at', header: 'LAST SUCCESS', value: (row) => row.lastSuccess, wide: true },
  { name: 'error', header: 'ERROR', value: (row) => row.error },
  { name: 'what', header: 'WHAT', value: (row) => row.about, minor: true },
];

/** `donations cron list`, or `donations cron`: the work that workers repeat by themselves. */
export function cronListCommand(context: Context): Command {
  const command = new Command('list').description(
    'list recurring tasks: last run, outcome, next run, and whether one is late',
  );
  return examples(withWatch(withOutput(command, COLUMNS)), [
    ['donations cron list', 'what recurs, and how the last run ended'],
    ['donations cron list --json=name,status,last_run_at,next_run_at', 'for a script'],
  ]).action(async (options: WatchOptions) => {
    const { listRecurring } = await import('../../lib/recurring/runs.ts');
    await showOrWatch(context, options, async (io, options) => {
      const { at, isWorked, tasks } = await context.read(listRecurring);
      render(io, options, COLUMNS, tasks, { now: at });
      if (!isWorked)
        say(io, 'No worker is alive, so nothing runs until one is: donations worker start');
    });
  });
}
