import { Command } from 'commander';
import { print, say } from '../../lib/output/io.ts';
import { chosenFormat, fieldsOf, type OutputOptions, renderOne } from '../../lib/output/render.ts';
import type { PauseCause } from '../../lib/queue/run/pauses.ts';
import type { TaskName } from '../../lib/queue/tasks.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { describePause } from '../shared/pauses-notice.ts';
import { taskArgument } from './shared/task-argument.ts';

const FIELDS = fieldsOf('task', 'resumed');

const AFTER: Record<PauseCause, string | undefined> = {
  operator: undefined,
  circuit: 'If the provider is still down, the first failure pauses the task again.',
  misconfigured: 'If the key is still refused, the first job pauses the task again.',
  rate_limited: 'If the provider asks again to wait, the task rests again.',
};

/** `donations jobs resume <task>`: resumes a paused task, whatever the cause of the pause. */
export function jobsResumeCommand(context: Context): Command {
  const command = new Command('resume')
    .description('resume a paused task on every worker, whatever the cause of the pause')
    .addArgument(taskArgument())
    .option('--reason <text>', 'why, for the audit trail');
  return examples(withOutput(command, FIELDS), [
    ['donations jobs resume send_receipt', 'its jobs run within seconds'],
    [
      'donations jobs resume charge_card --reason "key renewed"',
      'with a reason for the audit trail',
    ],
  ]).action(async (task: TaskName, { reason, ...options }: OutputOptions & { reason?: string }) => {
    const { resumeByOperator } = await import('../../lib/queue/run/pauses.ts');
    const operator = await context.operator();
    const ended = await resumeByOperator(await context.db(), { task, operator, reason });
    const { io } = context;
    if (chosenFormat(options).format !== 'table') {
      const resumed = ended.map((pause) => ({
        cause: pause.cause,
        reason: pause.reason,
        since: pause.since,
      }));
      return renderOne(io, options, FIELDS, { task, resumed });
    }
    if (ended.length === 0) return print(io, `${task} is not paused.`);
    print(io, `${task} runs again.`);
    for (const pause of ended) {
      say(io, `It was paused ${describePause(pause, context.clock.now())}.`);
      const after = AFTER[pause.cause];
      if (after) say(io, after);
    }
    say(io, 'Next: donations jobs stats');
  });
}
