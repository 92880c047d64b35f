import { Command, Option } from 'commander';
import { LONGEST_SILENCE_MS, type Silence } from '../../lib/alerts/silences.ts';
import { usageError } from '../../lib/errors.ts';
import { plain, print, say } from '../../lib/output/io.ts';
import { chosenFormat, type OutputOptions, render } from '../../lib/output/render.ts';
import { parseDuration } from '../../lib/parse.ts';
import { TASK_NAMES } from '../../lib/queue/tasks.ts';
import type { Context } from '../context.ts';
import { CompletedOption, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { checkRule, checkTask } from './shared/check-scope.ts';
import { SILENCE_COLUMNS, silenceInWords } from './shared/silences.ts';

type Options = OutputOptions & {
  rule?: string;
  task?: string;
  for?: string;
  end?: boolean;
  reason?: string;
};

/** `donations alerts silence`: sends no alerts of a rule or a task for a time. */
export function alertsSilenceCommand(context: Context): Command {
  const command = new Command('silence')
    .description(
      'send no alerts of a rule or a task for a time; alerts that are still due afterwards are sent then',
    )
    .addOption(new CompletedOption('--rule <name>', 'only alerts of this rule', recent('rule')))
    .addOption(new CompletedOption('--task <name>', 'only alerts of this task', TASK_NAMES))
    .option('--for <time>', 'how long: 30m, 2h, at most 30d')
    .option('--reason <text>', 'why, for everybody who looks')
    .addOption(new Option('--end', 'end the silences of this rule and task now').conflicts('for'));
  return examples(withOutput(command, SILENCE_COLUMNS), [
    ['donations alerts silence --task send_receipt --for 2h --reason "moving"', 'for two hours'],
    ['donations alerts silence --task send_receipt --end', 'it is over'],
  ]).action(async (options: Options) => {
    const { rule, task, reason } = options;
    if (!options.end && options.for === undefined)
      throw usageError('how long is not said', 'Add --for 2h, or --end to end a silence.');
    const forMs = parseDuration(options.for ?? '1s', { max: LONGEST_SILENCE_MS });
    await checkRule(context, rule);
    await checkTask(context, task);
    const { silence, endSilences } = await import('../../lib/alerts/silences.ts');
    const db = await context.db();
    const operator = await context.operator();
    const done = options.end
      ? await endSilences(db, { rule, task, operator })
      : [await silence(db, { rule, task, forMs, reason, operator })];
    tell(context, options, done);
  });
}

function tell({ io }: Context, options: Options, done: Silence[]) {
  if (chosenFormat(options).format !== 'table') return render(io, options, SILENCE_COLUMNS, done);
  if (done.length === 0) return say(io, 'There was no such silence.');
  for (const each of done) {
    const what = plain(silenceInWords(each));
    if (options.end) print(io, `Alerts are sent again: ${what}.`);
    else print(io, `Silenced until ${each.until.toISOString()}: ${what}.`);
  }
}
