import { usageError } from '../../../lib/errors.ts';
import type { Context } from '../../context.ts';

/** @throws UserError `usage` with the rules that there are. */
export async function checkRule(context: Context, name: string | undefined): Promise<void> {
  if (name === undefined) return;
  const { resolveRules } = await import('../../../lib/health/rule-settings.ts');
  const rules = resolveRules((await context.config()).health.rules).map((rule) => rule.name);
  if (!rules.includes(name))
    throw usageError(`there is no rule "${name}"`, `Rules: ${rules.join(', ')}`);
}

/** @throws UserError `usage` with the tasks that there are. */
export async function checkTask(context: Context, task: string | undefined): Promise<void> {
  if (task === undefined) return;
  const [{ checkTasks }, { parseJobFilter }, { term }] = await Promise.all([
    import('../../../lib/queue/read/check-tasks.ts'),
    import('../../../lib/queue/read/vocabulary.ts'),
    import('../../../lib/filter/parse.ts'),
  ]);
  const filter = parseJobFilter(term('task', task));
  await context.read((tx) => checkTasks(tx, filter));
}
