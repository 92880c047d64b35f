import { type Command, Option } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { term } from '../../lib/filter/parse.ts';
import { JOB_TERMS, type JobFilter, parseJobFilter } from '../../lib/queue/read/vocabulary.ts';
import { JOB_STATES } from '../../lib/queue/states.ts';
import { TASK_NAMES } from '../../lib/queue/tasks.ts';
import { begun, CompletedArgument, CompletedOption, recent, termOffers } from './completed.ts';

const STATE_FLAGS = [...JOB_STATES, 'stuck'] as const;

/** The flags; each is shorthand for a term of the filter. */
export type FilterOptions = Partial<Record<(typeof STATE_FLAGS)[number] | 'all', boolean>> & {
  task?: string;
  queue?: string;
  error?: string;
  fingerprint?: string;
  donation?: string;
  donor?: string;
  olderThan?: string;
  since?: string;
};

const STATE_HELP: Record<(typeof STATE_FLAGS)[number], string> = {
  failed: 'jobs that failed for good',
  held: 'jobs that may have taken effect',
  ready: 'jobs that are due',
  running: 'jobs that a worker runs',
  scheduled: 'jobs whose first attempt is later',
  retrying: 'jobs that failed and will be retried',
  stuck: 'jobs that are locked although no worker seems to run them',
};

const FILTER_OFFERS = [
  ...termOffers(JOB_TERMS),
  ...TASK_NAMES.map((task) => `task:${task}`),
  ...begun('job'),
];

/** Adds `[filter…]` and the flags that are shorthand for its terms. */
export function withFilter(
  command: Command,
  about = 'terms that must all hold: task:… error:~… age:>1h',
): Command {
  command.addArgument(new CompletedArgument('[filter...]', about, FILTER_OFFERS));
  for (const state of STATE_FLAGS) command.addOption(new Option(`--${state}`, STATE_HELP[state]));
  return command
    .addOption(new CompletedOption('--task <task>', 'of this task', TASK_NAMES))
    .option('--queue <queue>', 'of this named queue')
    .option('--error <text>', 'whose last error contains this')
    .addOption(
      new CompletedOption(
        '--fingerprint <id>',
        'of this error group (see jobs errors)',
        recent('fingerprint'),
      ),
    )
    .addOption(new CompletedOption('--donation <id>', 'of this donation', recent('donation')))
    .addOption(
      new CompletedOption('--donor <id>', 'of this donor: id or e-mail address', recent('donor')),
    )
    .option('--older-than <time>', 'for longer than this: 10m, 2h, 3d')
    .option('--since <time>', 'for at most this long: 2h, or since a time')
    .addHelpText(
      'after',
      `\nTerms of the filter:\n${Object.values(JOB_TERMS)
        .map(({ example, about }) => `  ${example.padEnd(26)}${about}`)
        .join('\n')}`,
    );
}

/** The filter that words and flags make together. */
export function filterOf(words: string[], options: FilterOptions): JobFilter {
  const states = STATE_FLAGS.filter((state) => options[state]);
  if (options.all && states.length > 0)
    throw usageError(`--all selects every state, and --${states[0]} only one`);
  const pieces = [...words];
  if (states.length > 0) pieces.push(`state:${states.join(',')}`);
  if (options.task !== undefined) pieces.push(term('task', options.task));
  if (options.queue !== undefined) pieces.push(term('queue', options.queue));
  if (options.error !== undefined) pieces.push(term('error', options.error, '~'));
  if (options.fingerprint !== undefined) pieces.push(term('fingerprint', options.fingerprint));
  if (options.donation !== undefined) pieces.push(term('donation', options.donation));
  if (options.donor !== undefined) pieces.push(term('donor', options.donor));
  if (options.olderThan !== undefined) pieces.push(term('age', options.olderThan, '>'));
  if (options.since !== undefined) pieces.push(term('since', options.since));
  return parseJobFilter(pieces.join(' '));
}
