import { Argument } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { TASK_NAMES } from '../../lib/queue/tasks.ts';

/** `<task>`: one of ours. Workers of other tools do not heed our pauses. */
export function taskArgument(): Argument {
  const argument = new Argument('<task>', `one of ${TASK_NAMES.join(', ')}`).argParser(
    (task: string) => {
      if ((TASK_NAMES as string[]).includes(task)) return task;
      throw usageError(`there is no task "${task}"`, `Tasks: ${TASK_NAMES.join(', ')}`);
    },
  );
  argument.argChoices = [...TASK_NAMES];
  return argument;
}
