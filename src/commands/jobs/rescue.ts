import { Command } from 'commander';
import { UserError } from '../../lib/errors.ts';
import { print, say } from '../../lib/output/io.ts';
import { chosenFormat, fieldsOf, render, renderOne } from '../../lib/output/render.ts';
import { plural } from '../../lib/output/text.ts';
import type { Context } from '../context.ts';
import { confirmYes } from '../shared/confirm.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import {
  LOCKER_COLUMNS,
  nothingToRescue,
  type RescueOptions,
  refusal,
  rescueRequest,
  withLockers,
} from './shared/rescue-plan.ts';

const FIELDS = fieldsOf('audit', 'released', 'workers');

/** `donations jobs rescue`: returns the jobs of workers that are gone to the queue. */
export function jobsRescueCommand(context: Context): Command {
  const command = withLockers(new Command('rescue')).description(
    'return the jobs of workers that are gone to the queue; live workers keep theirs',
  );
  withOutput<RescueOptions>(command, ({ dryRun }) => (dryRun ? LOCKER_COLUMNS : FIELDS));
  return examples(command, [
    ['donations jobs rescue', 'jobs of our workers that are gone'],
    [
      'donations jobs rescue --locked-longer-than 1h --dry-run',
      'also jobs of other tools: list whose',
    ],
  ]).action((options: RescueOptions) => rescue(context, options));
}

async function rescue(context: Context, options: RescueOptions): Promise<void> {
  const request = rescueRequest(options);
  const { planRescue, applyRescue } = await import('../../lib/queue/change/rescue.ts');
  const { io } = context;
  const json = chosenFormat(options).format !== 'table';
  const db = await context.db();
  const plan = await context.read((tx) => planRescue(tx, request));
  const empty = nothingToRescue(request);
  if (options.dryRun) return render(io, options, LOCKER_COLUMNS, plan, { empty });
  // The preview is a message, not the result.
  if (!json) render({ ...io, stdout: io.stderr }, {}, LOCKER_COLUMNS, plan, { empty });

  if (!json && plan.some(({ state, release }) => state === 'no heartbeat' && !release)) {
    say(
      io,
      'If a worker without a heartbeat is dead, name it with --worker ID, or use --locked-longer-than 1h.',
    );
  }
  const dead = plan.filter(({ release }) => release);
  if (dead.length === 0) {
    if (options.worker !== undefined && plan[0]) throw refusal(options.worker, plan[0]);
    if (json) renderOne(io, options, FIELDS, { audit: null, released: 0, workers: [] });
    else if (plan.length > 0) say(io, 'Nothing to rescue.');
    return;
  }
  const held = dead.reduce((sum, { jobs }) => sum + jobs, 0);
  const what = `${plural(held, 'job')} of ${plural(dead.length, 'worker')}`;
  if (!options.yes && !(await confirmYes(context, `Release ${what}?`))) {
    throw new UserError(
      'confirmation_needed',
      `nothing was changed: to release ${what} needs a confirmation`,
      'Preview with --dry-run, then confirm with --yes.',
    );
  }
  const operator = await context.operator();
  const { reason } = options;
  const { operation, jobs, workers } = await applyRescue(db, plan, request, { operator, reason });
  if (json) return renderOne(io, options, FIELDS, { audit: operation, released: jobs, workers });
  print(io, `Released ${plural(jobs, 'job')}.`);
  if (!operation) return say(io, 'Others released them meanwhile, or their workers are back.');
  say(io, 'A mail that was being sent may have gone out: it will be held, not sent again.');
  say(io, 'Next: donations jobs list --held');
  say(io, `What was done: donations audit show ${operation}`);
}
