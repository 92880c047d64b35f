import { Command } from 'commander';
import { type Column, render } from '../../lib/output/render.ts';
import { statusText, statusTone } from '../../lib/output/status.ts';
import { parseCount } from '../../lib/parse.ts';
import type { WorkerRow } from '../../lib/queue/run/workers.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { sayMore } from '../shared/paging.ts';
import { sayPauses } from '../shared/pauses-notice.ts';
import { showOrWatch, type WatchOptions, withWatch } from '../shared/watch.ts';

const COLUMNS: Column<WorkerRow>[] = [
  { name: 'worker', header: 'WORKER', value: (w) => w.id, isId: true },
  {
    name: 'status',
    header: 'STATUS',
    value: (w) => w.state,
    text: (w) => statusText(w.state),
    tone: (w) => statusTone(w.state),
  },
  { name: 'host', header: 'HOST', value: (w) => w.host },
  { name: 'pid', header: 'PID', value: (w) => w.pid, align: 'right' },
  { name: 'version', header: 'VERSION', value: (w) => w.version, minor: true },
  { name: 'concurrency', header: 'SLOTS', value: (w) => w.concurrency, align: 'right' },
  {
    name: 'jobs',
    header: 'RUNNING',
    value: (w) => w.running,
    text: (w) => String(w.running.length),
    align: 'right',
  },
  { name: 'seen_at', header: 'SEEN', value: (w) => w.seenAt },
  { name: 'started_at', header: 'STARTED', value: (w) => w.startedAt, minor: true },
  {
    name: 'tasks',
    header: 'TASKS',
    value: (w) => w.tasks,
    text: (w) => w.tasks.join(', '),
    wide: true,
  },
];

/** `donations worker list`: workers that are alive or gone. */
export function workerListCommand(context: Context): Command {
  const command = new Command('list')
    .description('list workers: alive or gone, and what each is doing')
    .option('--limit <n>', 'how many', '100');
  return examples(withWatch(withOutput(command, COLUMNS)), [
    ['donations worker list', 'all workers of the last day'],
    ['donations worker list --json=worker,status,jobs', 'for a script'],
  ]).action(async (options: WatchOptions & { limit: string }) => {
    const limit = parseCount(options.limit, { max: 10_000 });
    const [{ listWorkers }, { listPauses }] = await Promise.all([
      import('../../lib/queue/run/workers.ts'),
      import('../../lib/queue/run/pauses.ts'),
    ]);
    await showOrWatch(context, options, async (io, options) => {
      const [workers, pauses] = await context.read(async (tx) => [
        await listWorkers(tx, limit + 1),
        await listPauses(tx),
      ]);
      render(io, options, COLUMNS, workers.slice(0, limit), {
        empty: 'No worker has run in the last day. Start one: donations worker start',
      });
      if (workers.length > limit) sayMore(io, limit);
      sayPauses(io, pauses, context.clock.now());
    });
  });
}
