import { Command } from 'commander';
import { UserError, usageError } from '../../lib/errors.ts';
import { print, say } from '../../lib/output/io.ts';
import {
  type Column,
  chosenFormat,
  fieldsOf,
  type OutputOptions,
  render,
  renderOne,
} from '../../lib/output/render.ts';
import { plural } from '../../lib/output/text.ts';
import { parseDuration } from '../../lib/parse.ts';
import type { Locker, RescueRequest } from '../../lib/queue/change/rescue.ts';
import type { Context } from '../context.ts';
import { confirmYes } from '../shared/confirm.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';

interface Options extends OutputOptions {
  worker?: string;
  lockedLongerThan?: string;
  force?: boolean;
  dryRun?: boolean;
  yes?: boolean;
  reason?: string;
}

const FIELDS = fieldsOf('operation', 'released', 'workers');

const COLUMNS: Column<Locker>[] = [
  { name: 'worker', header: 'WORKER', value: (l) => l.worker ?? l.locker },
  { name: 'locker', header: 'LOCKED BY', value: (l) => l.locker, wide: true },
  { name: 'host', header: 'HOST', value: (l) => l.host },
  { name: 'pid', header: 'PID', value: (l) => l.pid, wide: true },
  { name: 'state', header: 'STATE', value: (l) => l.state },
  { name: 'jobs', header: 'JOBS', value: (l) => l.jobs, align: 'right' },
  { name: 'oldest_lock', header: 'OLDEST LOCK', value: (l) => l.oldest },
  { name: 'latest_lock', header: 'LATEST LOCK', value: (l) => l.latest },
  { name: 'tasks', header: 'TASKS', value: (l) => l.tasks, text: (l) => l.tasks.join(', ') },
  {
    name: 'release',
    header: 'RELEASE',
    value: (l) => l.release,
    text: (l) => (l.release ? 'yes' : 'no'),
    tone: (l) => (l.release ? 'warn' : 'dim'),
  },
  { name: 'why', header: 'WHY', value: (l) => l.why },
];

/** `donations jobs rescue`: gives the jobs of dead workers back to the queue. */
export function jobsRescueCommand(context: Context): Command {
  const command = new Command('rescue')
    .description('give the jobs of dead workers back to the queue; a live worker keeps its own')
    .option('--worker <id>', 'of this one, which is dead: wrk_…, or the name it locks jobs under')
    .option('--locked-longer-than <time>', 'also of other tools: those that locked nothing since')
    .option('--force', 'with one of these: though it seems to be alive; its jobs may run twice')
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('--yes', 'ask nothing')
    .option('--reason <text>', 'why, for the audit trail');
  return examples(
    withOutput<Options>(command, ({ dryRun }) => (dryRun ? COLUMNS : FIELDS)),
    [
      ['donations jobs rescue', 'of our workers that are gone'],
      ['donations jobs rescue --locked-longer-than 1h --dry-run', 'also of other tools: whose?'],
    ],
  ).action((options: Options) => rescue(context, options));
}

async function rescue(context: Context, options: Options): Promise<void> {
  const request = requestOf(options);
  const { planRescue, applyRescue } = await import('../../lib/queue/change/rescue.ts');
  const { io } = context;
  const json = chosenFormat(options).format !== 'table';
  const db = await context.db();
  const plan = await context.read((tx) => planRescue(tx, request));
  const empty = nothingToRescue(request);
  if (options.dryRun) return render(io, options, COLUMNS, plan, { empty });
  // The preview is talk, not data.
  if (!json) render({ ...io, stdout: io.stderr }, {}, COLUMNS, plan, { empty });

  if (!json && plan.some(({ state, release }) => state === 'no heartbeat' && !release)) {
    say(io, 'If one without a heartbeat is dead, say so: --worker ID, or --locked-longer-than 1h.');
  }
  const dead = plan.filter(({ release }) => release);
  if (dead.length === 0) {
    if (options.worker !== undefined && plan[0]) throw refusal(options.worker, plan[0]);
    if (json) renderOne(io, options, FIELDS, { operation: null, released: 0, workers: [] });
    else if (plan.length > 0) say(io, 'Nothing to rescue.');
    return;
  }
  const held = dead.reduce((sum, { jobs }) => sum + jobs, 0);
  const what = `${plural(held, 'job')} of ${plural(dead.length, 'worker')}`;
  if (!options.yes && !(await confirmYes(context, `Release ${what}?`))) {
    throw new UserError(
      'confirmation_needed',
      `nothing was changed: ${what} to release and nobody said yes`,
      'Say yes with --yes; see first with --dry-run.',
    );
  }
  const operator = await context.operator();
  const { reason } = options;
  const { operation, jobs, workers } = await applyRescue(db, plan, request, { operator, reason });
  if (json) return renderOne(io, options, FIELDS, { operation, released: jobs, workers });
  print(io, `Released ${plural(jobs, 'job')}.`);
  if (!operation) return say(io, 'Others released them meanwhile, or their workers are back.');
  say(io, 'A mail that was being sent may have gone out: it will be held, not sent again.');
  say(io, `Next: donations jobs list --held   (audit: donations audit show ${operation})`);
}

function requestOf({ worker, lockedLongerThan, force = false }: Options): RescueRequest {
  if (force && worker === undefined && lockedLongerThan === undefined) {
    throw usageError(
      '--force of whom? The jobs of live workers would run twice',
      'Name one with --worker, or say --locked-longer-than.',
    );
  }
  const lockedLongerThanMs =
    lockedLongerThan === undefined ? undefined : parseDuration(lockedLongerThan);
  return { worker, force, lockedLongerThanMs };
}

const refusal = (worker: string, { why }: Locker) =>
  new UserError(
    'failed',
    `the jobs of ${worker} are not released: ${why}`,
    'They would run twice at once. If you know better: --force',
  );

function nothingToRescue({ worker, lockedLongerThanMs }: RescueRequest): string {
  if (worker !== undefined) return `Nothing to rescue: ${worker} holds no jobs.`;
  return lockedLongerThanMs === undefined
    ? 'Nothing to rescue: no dead worker holds jobs.'
    : 'Nothing to rescue: nobody has held a job for that long.';
}
