import type { Argument } from 'commander';
import { usageError } from '../../../lib/errors.ts';
import { TASK_NAMES } from '../../../lib/queue/tasks.ts';
import { CompletedArgument } from '../../shared/completed.ts';

/** `<task>`: one of our tasks. Workers of other tools do not respect our pauses. */
export function taskArgument(): Argument {
  const about = `one of ${TASK_NAMES.join(', ')}`;
  return new CompletedArgument('<task>', about, TASK_NAMES).argParser((task: string) => {
    if ((TASK_NAMES as string[]).includes(task)) return task;
    throw usageError(`there is no task "${task}"`, `Tasks: ${TASK_NAMES.join(', ')}`);
  });
}
