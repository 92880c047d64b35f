import { Command } from 'commander';
import { say } from '../../lib/output/io.ts';
import { type OutputOptions, render } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { RULE_COLUMNS } from './shared/rule-columns.ts';

/** `donations alerts rules`: what is watched, from where on it is wrong, and how it is now. */
export function alertsRulesCommand(context: Context): Command {
  const command = new Command('rules').description(
    'what is watched, from where on it is wrong, and how it is now',
  );
  return examples(withOutput(command, RULE_COLUMNS), [
    ['donations alerts rules', 'every rule with its present value'],
    ['donations alerts rules --json=rule,value,warning,critical', 'for a script'],
  ]).action(async (options: OutputOptions) => {
    const [{ assess }, { resolveRules }] = await Promise.all([
      import('../../lib/health/assess.ts'),
      import('../../lib/health/rule-settings.ts'),
    ]);
    const { health, databaseUrl, dataDir, queue } = await context.config();
    const assessment = await assess(await context.db(), {
      rules: resolveRules(health.rules),
      withinMs: queue.readTimeoutMs,
      dataDir: databaseUrl === undefined ? dataDir : undefined,
    });
    render(context.io, options, RULE_COLUMNS, assessment.rules);
    if (assessment.unread.length > 0)
      say(context.io, `Not looked at in time: ${assessment.unread.join(', ')}`);
  });
}
