import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import type { Metrics } from '../../lib/metrics/metrics.ts';
import type { OutputOptions } from '../../lib/output/render.ts';
import { parseCount } from '../../lib/parse.ts';
import { TASK_NAMES, type TaskName } from '../../lib/queue/tasks.ts';
import type { Context } from '../context.ts';
import { CompletedOption } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { LIFE_FIELDS, reportLife } from './shared/life.ts';

const METRICS_HOST = '127.0.0.1';

interface Options extends OutputOptions {
  concurrency?: string;
  tasks?: string;
  once?: boolean;
  metricsPort?: string;
  metricsHost?: string;
}

/**
 * `donations worker start`: runs jobs until it is stopped. The only command that imports src/jobs.
 */
export function workerStartCommand(context: Context): Command {
  const command = new Command('start')
    .description(
      'run jobs until stopped; a first signal lets running jobs finish, a second ends them',
    )
    .option('--concurrency <n>', 'jobs at a time')
    .addOption(
      new CompletedOption('--tasks <names>', 'only these tasks, separated by commas', TASK_NAMES),
    )
    .option('--once', 'run the due jobs and those that follow from them, then stop')
    .option('--metrics-port <port>', 'serve /metrics, /healthz and /readyz there')
    .option(
      '--metrics-host <address>',
      `on this address; everyone who reaches it can read them (default: ${METRICS_HOST})`,
    );
  return examples(withOutput(command, LIFE_FIELDS), [
    ['donations worker start --concurrency 20', 'a worker with 20 slots'],
    ['donations worker start --once', 'drain the queue and stop'],
    ['donations worker start --once --json', 'and say in JSON how the attempts ended'],
    ['donations worker start --metrics-port 9464', 'and serve metrics to Prometheus'],
  ]).action((options: Options) => start(context, options));
}

async function start(context: Context, options: Options): Promise<void> {
  const life = reportLife(context, options);
  if (options.metricsHost !== undefined && options.metricsPort === undefined)
    throw usageError('--metrics-host belongs to --metrics-port', 'Add --metrics-port 9464.');
  const metricsPort =
    options.metricsPort === undefined
      ? undefined
      : parseCount(options.metricsPort, { min: 0, max: 65_535 });
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
  const db = await context.workerDb({ slots: concurrency, isPostgresItself });
  const { observe } = await import('./shared/observe.ts');
  const { metrics, ...observed } = await observe(context, db, {
    withMetrics: metricsPort !== undefined,
    meters: life.meters,
  });
  const worker = new Worker({
    ...observed,
    db,
    databaseUrl,
    databaseDirectUrl,
    isPostgresItself,
    templates: await loadTemplates(config.receipts.templatesDir),
    log: await context.log(),
    env: context.io.env,
    clock: context.clock,
    config,
    version: context.version,
    concurrency,
    tasks,
    onStarted: () =>
      life.started({ worker: worker.id, concurrency, tasks, metrics_url: served?.url }),
  });
  context.stopsByItself = true;
  context.signal.addEventListener('abort', () => worker.stop());
  const served =
    metrics &&
    (await serveMetrics(
      context,
      () => worker.isReady(),
      metrics,
      options.metricsHost ?? METRICS_HOST,
      metricsPort ?? 0,
    ));
  try {
    if (options.once) await worker.drain();
    else await worker.run();
  } finally {
    life.ended();
    await served?.close();
  }
}

async function serveMetrics(
  context: Context,
  isReady: () => boolean,
  metrics: Metrics,
  host: string,
  port: number,
) {
  const { startMetricsServer } = await import('../../lib/metrics/server.ts');
  const server = await startMetricsServer({ host, port, metrics, isReady });
  const url = `${server.url}/metrics`;
  (await context.log()).info({ url }, 'metrics are served');
  return { url, close: () => server.close() };
}

function chosenTasks(text: string): TaskName[] {
  return text.split(',').map((name) => {
    const task = TASK_NAMES.find((known) => known === name.trim());
    if (!task) throw usageError(`there is no task "${name}"`, `Tasks: ${TASK_NAMES.join(', ')}`);
    return task;
  });
}
