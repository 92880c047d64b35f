import type { Queryable } from '../../db/database.ts';
import { usageError } from '../../errors.ts';
import { TASK_NAMES } from '../tasks.ts';
import type { JobFilter } from './vocabulary.ts';

/**
 * Refuses a filter that names a task which nobody has heard of: neither one of ours, nor one of
 * which there ever was a job. It would let nothing through, and seem to say that all is well.
 *
 * @throws UserError `usage` with the tasks that there are.
 */
export async function checkTasks(tx: Queryable, filter: JobFilter): Promise<void> {
  const named = filter.terms.flatMap(({ name, operator, values }) =>
    name === 'task' && operator === '=' ? values.map(String) : [],
  );
  if (named.every((task) => (TASK_NAMES as string[]).includes(task))) return;
  const { rows } = await tx.query<{ task: string }>(
    'select identifier as task from graphile_worker._private_tasks',
  );
  const known = [...new Set([...TASK_NAMES, ...rows.map(({ task }) => task)])].sort();
  const unknown = named.find((task) => !known.includes(task));
  if (unknown !== undefined)
    throw usageError(`there is no task "${unknown}"`, `Tasks: ${known.join(', ')}`);
}
