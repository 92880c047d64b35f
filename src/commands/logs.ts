import { Command } from 'commander';
import { usageError } from '../lib/errors.ts';
import { paint, print, say } from '../lib/output/io.ts';
import { chosenFormat, type OutputOptions, render, rowWriter } from '../lib/output/render.ts';
import { inZone, localZone } from '../lib/output/time.ts';
import { parseCount } from '../lib/parse.ts';
import {
  countAttempts,
  LOG_TERMS,
  type LoggedAttempt,
  parseLogFilter,
  readLatestAttempts,
} from '../lib/queue/read/log.ts';
import type { Context } from './context.ts';
import { logColumns } from './logs/shared/columns.ts';
import { examples } from './shared/examples.ts';
import { withOutput } from './shared/output-options.ts';
import { type PagingOptions, sayPage, withPaging } from './shared/paging.ts';
import { filterText, withTerms } from './shared/term-options.ts';
import { refuseCsv } from './shared/watch.ts';

type Options = OutputOptions & PagingOptions & { follow?: true; local?: true };

/** `donations logs`: attempts of jobs on all workers, the latest last. */
export function logsCommand(context: Context): Command {
  const command = withTerms(
    new Command('logs').description(
      'attempts of jobs on all workers: the latest, or as they happen',
    ),
    LOG_TERMS,
    'terms that must all hold: task:… outcome:… error:~…',
  )
    .option('-f, --follow', 'go on with attempts as they happen, until Ctrl-C')
    .option('--local', 'times of the terminal’s zone, not the organisation’s');
  return examples(withOutput(withPaging(command), logColumns('UTC')), [
    ['donations logs --follow', 'what all workers do, until Ctrl-C'],
    ['donations logs --task send_receipt --outcome held,failed --since 2h', 'what went wrong'],
    ['donations logs --follow --json=job,task,outcome', 'for a script, a line each'],
  ]).action(async (words: string[], options: Options) => {
    const filter = parseLogFilter(filterText(LOG_TERMS, words, { ...options }));
    const limit = parseCount(options.limit, { max: 10_000 });
    const { io } = context;
    const { after } = options;
    if (options.follow) refuseCsv(options, '--follow');
    if (options.follow && after !== undefined)
      throw usageError(
        '--after shows earlier attempts, --follow new ones',
        'Leave out one of them.',
      );
    const { findOrganization } = await import('../lib/organizations/organization.ts');
    const { attempts, next, place, total, organization } = await context.read(async (tx) => ({
      ...(await readLatestAttempts(tx, filter, { limit, after })),
      total: options.follow ? undefined : await countAttempts(tx, filter),
      organization: await findOrganization(tx),
    }));
    const zone = options.local ? localZone() : (organization?.timeZone ?? 'UTC');
    const write = writerOf(context, options, zone);
    write(attempts);
    if (total) sayPage(context, attempts.length, { total, next, one: 'attempt' });
    if (!options.follow) return;
    context.stopsByItself = true;
    const { followAttempts } = await import('../lib/queue/read/follow.ts');
    await followAttempts(await context.readDb(), filter, {
      place,
      timeoutMs: (await context.connection()).queue.readTimeoutMs,
      signal: context.signal,
      onAttempts: write,
      onLost: ({ message }) =>
        say(io, `The connection to the database is lost; connecting again: ${message}`),
      onBack: () => say(io, 'The connection to the database works again.'),
    });
  });
}

/** Writes attempts in the format of the options; each call adds to what stands there. */
function writerOf({ io }: Context, options: Options, zone: string) {
  const columns = logColumns(zone);
  const isTable = chosenFormat(options).format === 'table';
  if (!isTable || !io.stdout.isTTY) {
    const given: Options = options.follow ? { ...options, output: 'ndjson' } : options;
    return (attempts: LoggedAttempt[]) =>
      render(io, given, columns, attempts, { empty: 'No attempts.' });
  }
  const writeRows = rowWriter(io, columns, options);
  let day = '';
  return (attempts: LoggedAttempt[]) => {
    if (attempts.length === 0 && !options.follow) say(io, 'No attempts.');
    const dayOf = ({ endedAt }: LoggedAttempt) => inZone(endedAt, zone).day;
    for (const next of new Set(attempts.map(dayOf))) {
      if (next !== day) print(io, paint(io, 'dim', `${next}, times of ${zone}`));
      day = next;
      writeRows(attempts.filter((attempt) => dayOf(attempt) === day));
    }
  };
}
