import { Command } from 'commander';
import { UserError } from '../../lib/errors.ts';
import { print, say } from '../../lib/output/io.ts';
import { chosenFormat, fieldsOf, type OutputOptions, renderOne } from '../../lib/output/render.ts';
import { grouped } from '../../lib/output/text.ts';
import { parseDuration } from '../../lib/parse.ts';
import type { TaskName } from '../../lib/queue/tasks.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { endOfPause } from '../shared/pauses-notice.ts';
import { taskArgument } from './shared/task-argument.ts';

const FIELDS = fieldsOf('task', 'reason', 'since', 'until', 'due', 'due_is_more', 'running');

type Options = OutputOptions & { reason?: string; for?: string };

/** `donations jobs pause <task>`: no worker starts jobs of the task until it is resumed. */
export function jobsPauseCommand(context: Context): Command {
  const command = new Command('pause')
    .description('pause a task on every worker: running jobs finish, and no further ones start')
    .addArgument(taskArgument())
    .option('--reason <text>', 'why, for colleagues and for the audit trail')
    .option('--for <time>', 'how long: 30m, 2h; by default until it is resumed');
  return examples(withOutput(command, FIELDS), [
    ['donations jobs pause send_receipt --reason "wrong logo"', 'until it is resumed'],
    ['donations jobs pause charge_card --for 30m', 'for half an hour'],
  ]).action(async (task: TaskName, options: Options) => {
    const forMs = options.for === undefined ? undefined : parseDuration(options.for);
    const { pauseByOperator } = await import('../../lib/queue/run/pauses.ts');
    const db = await context.db();
    const operator = await context.operator();
    const { reason } = options;
    const { pause, replaced } = await pauseByOperator(db, { task, operator, reason, forMs });
    const stopped = await whatItStops(context, task);
    const { io } = context;
    if (chosenFormat(options).format !== 'table') {
      const { since, until } = pause;
      const counts = stopped ?? { due: null, due_is_more: null, running: null };
      const told = { task, reason: pause.reason, since, until, ...counts };
      return renderOne(io, options, FIELDS, told);
    }
    const end = endOfPause(pause, context.clock.now()) ?? 'until it is resumed';
    print(io, `${task} is paused ${end}.`);
    if (replaced) say(io, `It was paused before, by ${replaced.reason}. The new end holds.`);
    if (stopped) {
      const due = `${grouped(stopped.due)}${stopped.due_is_more ? '+' : ''}`;
      say(io, `Due now: ${due}, which wait and lose no attempt.`);
      say(io, `Running now: ${grouped(stopped.running)}, which will finish.`);
    }
    say(io, `Next: donations jobs resume ${task}`);
  });
}

/** Undefined when counting takes too long; the task is paused nevertheless. */
async function whatItStops(context: Context, task: TaskName) {
  const { countStopped, STOPPED_BOUND } = await import('../../lib/queue/run/pauses.ts');
  try {
    const counted = await context.read((tx) => countStopped(tx, task));
    return {
      due: Math.min(counted.due, STOPPED_BOUND),
      due_is_more: counted.due > STOPPED_BOUND,
      running: counted.running,
    };
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
