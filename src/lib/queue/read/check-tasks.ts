import type { Queryable } from '../../db/database.ts';
import { usageError } from '../../errors.ts';
import type { Filter } from '../../filter/parse.ts';
import { TASK_NAMES } from '../tasks.ts';

/**
 * Refuses a filter with an unknown task: neither one of ours, nor one that ever had a job. Such a
 * filter would select nothing, which looks as if all were well.
 *
 * @throws UserError `usage` with the existing tasks.
 */
export async function checkTasks(tx: Queryable, filter: Filter): Promise<void> {
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
