import { Command } from 'commander';
import { say } from '../../lib/output/io.ts';
import { type OutputOptions, render } from '../../lib/output/render.ts';
import { parseCount, parseDuration } from '../../lib/parse.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { INCIDENT_COLUMNS } from './shared/columns.ts';
import { saySilences } from './shared/silences-notice.ts';

type Options = OutputOptions & { since?: string; limit: string };

/** `donations alerts list`, or `donations alerts`: what is wrong now. */
export function alertsListCommand(context: Context): Command {
  const command = new Command('list')
    .description('what is wrong now, the worst first; with --since also what is over')
    .option('--since <time>', 'also what ended no longer ago than this: 2h, 7d')
    .option('--limit <n>', 'at most so many', '50');
  return examples(withOutput(command, INCIDENT_COLUMNS), [
    ['donations alerts list', 'what is wrong now'],
    ['donations alerts list --since 24h', 'and what was wrong in the last day'],
  ]).action(async (options: Options) => {
    const sinceMs = options.since === undefined ? undefined : parseDuration(options.since);
    const limit = parseCount(options.limit, { max: 10_000 });
    const { listIncidents, listSilences } = await import('../../lib/alerts/incidents.ts');
    const { incidents, silences } = await context.read(async (tx) => ({
      incidents: await listIncidents(tx, { sinceMs, limit }),
      silences: await listSilences(tx),
    }));
    const { io } = context;
    render(io, options, INCIDENT_COLUMNS, incidents, {
      empty: 'Nothing is wrong that a worker has seen. Look for yourself: donations health',
      now: context.clock.now(),
    });
    saySilences(io, silences, context.clock.now());
    const [first] = incidents.filter(({ closedAt }) => closedAt === null);
    if (first && io.stdout.isTTY) say(io, `Next: donations alerts show ${first.id}`);
  });
}
