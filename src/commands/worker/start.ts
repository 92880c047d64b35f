import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { parseCount } from '../../lib/parse.ts';
import { TASK_NAMES, type TaskName } from '../../lib/queue/tasks.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';

interface Options {
  concurrency?: string;
  tasks?: string;
  once?: boolean;
}

/** `donations worker start`: runs jobs until told to stop. The only door from commands to jobs. */
export function workerStartCommand(context: Context): Command {
  const command = new Command('start')
    .description(
      'run jobs until told to stop; a first signal finishes what runs, a second ends at once',
    )
    .option('--concurrency <n>', 'jobs at a time')
    .option('--tasks <names>', 'only these, separated by commas')
    .option('--once', 'run what is due and what follows from it, then stop');
  return examples(command, [
    ['donations worker start --concurrency 20', 'a worker with 20 slots'],
    ['donations worker start --once', 'drain the queue and stop'],
  ]).action((options: Options) => start(context, options));
}

async function start(context: Context, options: Options): Promise<void> {
  const tasks = options.tasks ? chosenTasks(options.tasks) : TASK_NAMES;
  const config = await context.config();
  const concurrency = options.concurrency
    ? parseCount(options.concurrency, { max: 500 })
    : config.worker.concurrency;
  const [{ Worker }, { requireSessions }, { loadTemplates }] = await Promise.all([
    import('../../jobs/run-worker.ts'),
    import('../../lib/db/pooler.ts'),
    import('../../lib/receipts/templates.ts'),
  ]);
  const databaseUrl = await context.databaseUrl();
  const { databaseDirectUrl } = config;
  const isPostgresItself = (await requireSessions({ databaseUrl, databaseDirectUrl })) === 'none';
  const worker = new Worker({
    db: await context.workerDb({ slots: concurrency, isPostgresItself }),
    databaseUrl,
    databaseDirectUrl,
    isPostgresItself,
    payments: await context.payments(),
    mail: await context.mail(),
    templates: await loadTemplates(config.receipts.templatesDir),
    log: await context.log(),
    env: context.io.env,
    clock: context.clock,
    config,
    version: context.version,
    concurrency,
    tasks,
  });
  context.stopsByItself = true;
  context.signal.addEventListener('abort', () => worker.stop());
  if (options.once) await worker.drain();
  else await worker.run();
}

function chosenTasks(text: string): TaskName[] {
  return text.split(',').map((name) => {
    const task = TASK_NAMES.find((known) => known === name.trim());
    if (!task) throw usageError(`there is no task "${name}"`, `Tasks: ${TASK_NAMES.join(', ')}`);
    return task;
  });
}
