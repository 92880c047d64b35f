import { Command } from 'commander';
import { say } from '../../lib/output/io.ts';
import { type Column, type OutputOptions, render } from '../../lib/output/render.ts';
import { formatDuration } from '../../lib/output/time.ts';
import { parseCount, parseDuration } from '../../lib/parse.ts';
import type { ErrorGroup } from '../../lib/queue/read/errors.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';

const retryOf = ({ filter }: ErrorGroup) =>
  `donations jobs retry ${/\s/.test(filter) ? `'${filter}'` : filter}`;

const trend = ({ recent, before }: ErrorGroup) =>
  recent > before ? 'rising' : recent < before ? 'falling' : 'steady';
const ARROWS = { rising: '↑', falling: '↓', steady: '→' };

const COLUMNS: Column<ErrorGroup>[] = [
  { name: 'fingerprint', header: 'FINGERPRINT', value: (group) => group.fingerprint },
  {
    name: 'failed',
    header: 'FAILED',
    value: (group) => group.failed,
    tone: (group) => (group.failed > 0 ? 'bad' : undefined),
    align: 'right',
  },
  {
    name: 'held',
    header: 'HELD',
    value: (group) => group.held,
    tone: (group) => (group.held > 0 ? 'bad' : undefined),
    align: 'right',
  },
  {
    name: 'recent',
    header: 'LATELY',
    value: (group) => group.recent,
    text: (group) => `${group.recent} ${ARROWS[trend(group)]}`,
    tone: (group) => (trend(group) === 'rising' ? 'bad' : undefined),
    align: 'right',
  },
  { name: 'before', header: 'BEFORE', value: (group) => group.before, wide: true },
  { name: 'trend', header: 'TREND', value: trend, wide: true },
  {
    name: 'tasks',
    header: 'TASKS',
    value: (group) => group.tasks,
    text: (group) => group.tasks.join(', '),
  },
  { name: 'error', header: 'ERROR', value: (group) => group.message },
  { name: 'error_class', header: 'CLASS', value: (group) => group.error_class, wide: true },
  { name: 'first', header: 'FIRST', value: (group) => group.first },
  { name: 'last', header: 'LAST', value: (group) => group.last },
  { name: 'example', header: 'EXAMPLE', value: (group) => group.example, align: 'right' },
  { name: 'retry', header: 'RETRY', value: retryOf, wide: true },
];

/** `donations jobs errors`: failures by their cause. */
export function jobsErrorsCommand(context: Context): Command {
  const command = new Command('errors')
    .description('failures grouped by cause: how many, since when, and how to retry just those')
    .option('--since <time>', 'failed or held for no longer than this', '7d')
    .option('--window <time>', 'what "lately" is; the trend is against the same time before', '1h')
    .option('--limit <n>', 'how many groups', '20');
  return examples(withOutput(command, COLUMNS), [
    ['donations jobs errors', 'what goes wrong, the most frequent first'],
    ['donations jobs errors --window 10m --json=error,recent,before,retry', 'for a script'],
  ]).action(async (options: OutputOptions & { since: string; window: string; limit: string }) => {
    const since = new Date(context.clock.now().getTime() - parseDuration(options.since));
    const windowMs = parseDuration(options.window);
    const limit = parseCount(options.limit, { max: 1000 });
    const { groupErrors } = await import('../../lib/queue/read/errors.ts');
    const { groups, more } = await context.read((tx) =>
      groupErrors(tx, { since, windowMs, limit }),
    );
    const { io } = context;
    render(io, options, COLUMNS, groups, {
      empty: `Nothing has failed in the last ${formatDuration(parseDuration(options.since))}.`,
    });
    if (more) say(io, 'There are more than 100,000 failures: these are of the latest.');
    const worst = groups.find(({ failed }) => failed > 0);
    if (worst) say(io, `Next: donations jobs show ${worst.example}, then ${retryOf(worst)}`);
  });
}
