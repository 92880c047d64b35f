import { Command } from 'commander';
import {
  INCIDENT_TERMS,
  type IncidentFilter,
  parseIncidentFilter,
} from '../../lib/alerts/vocabulary.ts';
import { usageError } from '../../lib/errors.ts';
import { say } from '../../lib/output/io.ts';
import { type OutputOptions, render } from '../../lib/output/render.ts';
import { parseCount, parseDuration } from '../../lib/parse.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { filterText, withTerms } from '../shared/term-options.ts';
import { INCIDENT_COLUMNS } from './shared/columns.ts';
import { saySilences } from './shared/silences.ts';

type Options = OutputOptions & { since?: string; limit: string };

/** `donations alerts list`, or `donations alerts`: what is wrong now. */
export function alertsListCommand(context: Context): Command {
  const command = withTerms(
    new Command('list').description(
      'what is wrong now, the worst first; with --since also what is over',
    ),
    INCIDENT_TERMS,
    'terms that must all hold: level:… status:… task:…',
  )
    .option('--since <time>', 'also what ended no longer ago than this: 2h, 7d')
    .option('--limit <n>', 'at most so many', '50');
  return examples(withOutput(command, INCIDENT_COLUMNS), [
    ['donations alerts list', 'what is wrong now'],
    ['donations alerts list --since 24h', 'and what was wrong in the last day'],
    [
      "donations alerts list 'status:open level:critical'",
      'critical ones that nobody acknowledged',
    ],
  ]).action(async (words: string[], options: Options) => {
    const filter = parseIncidentFilter(filterText(INCIDENT_TERMS, words, { ...options }));
    const sinceMs = options.since === undefined ? undefined : parseDuration(options.since);
    const limit = parseCount(options.limit, { max: 10_000 });
    if (sinceMs === undefined && asksForOver(filter))
      throw usageError(
        'how far back is not said',
        'Add --since 7d: without it only what is wrong now is listed.',
      );
    const [{ listIncidents }, { listSilences }] = await Promise.all([
      import('../../lib/alerts/incidents.ts'),
      import('../../lib/alerts/silences.ts'),
    ]);
    const { incidents, silences } = await context.read(async (tx) => ({
      incidents: await listIncidents(tx, { filter, sinceMs, limit }),
      silences: await listSilences(tx),
    }));
    const { io } = context;
    render(io, options, INCIDENT_COLUMNS, incidents, {
      empty:
        filter.terms.length > 0
          ? 'No incidents.'
          : 'Nothing is wrong that a worker has seen. Look for yourself: donations health',
      now: context.clock.now(),
    });
    saySilences(io, silences, context.clock.now());
    const [first] = incidents.filter(({ closedAt }) => closedAt === null);
    if (first && io.stdout.isTTY) say(io, `Next: donations alerts show ${first.id}`);
  });
}

const asksForOver = ({ terms }: IncidentFilter) =>
  terms.some(({ name, not, values }) => name === 'status' && !not && values.includes('over'));
