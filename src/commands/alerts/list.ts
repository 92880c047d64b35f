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
import { type PagingOptions, sayPage, withPaging } from '../shared/paging.ts';
import { filterText, withTerms } from '../shared/term-options.ts';
import { INCIDENT_COLUMNS } from './shared/columns.ts';
import { saySilences } from './shared/silences.ts';

type Options = OutputOptions & PagingOptions & { since?: string };

/** `donations alerts list`, or `donations alerts`: what is wrong now. */
export function alertsListCommand(context: Context): Command {
  const command = withTerms(
    new Command('list').description(
      'open incidents, the worst first; with --since also those that are over',
    ),
    INCIDENT_TERMS,
    'terms that must all hold: level:… status:… task:…',
  ).option('--since <time>', 'also those that closed no longer ago than this: 2h, 7d');
  return examples(withOutput(withPaging(command), INCIDENT_COLUMNS), [
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
        'closed incidents need --since',
        'Add --since 7d. Without it, only open incidents are listed.',
      );
    const [{ afterIncident, countIncidents, listIncidents }, { listSilences }] = await Promise.all([
      import('../../lib/alerts/incidents.ts'),
      import('../../lib/alerts/silences.ts'),
    ]);
    const choice = { filter, sinceMs };
    const { incidents, total, silences } = await context.read(async (tx) => ({
      incidents: await listIncidents(tx, { ...choice, limit: limit + 1, after: options.after }),
      total: await countIncidents(tx, choice),
      silences: await listSilences(tx),
    }));
    const { io } = context;
    const page = incidents.slice(0, limit);
    const isFiltered = filter.terms.length > 0;
    render(io, options, INCIDENT_COLUMNS, page, {
      empty: isFiltered ? 'No incidents.' : NONE,
      now: context.clock.now(),
    });
    const last = incidents.length > limit ? page.at(-1) : undefined;
    sayPage(context, page.length, { total, next: last && afterIncident(last), one: 'incident' });
    saySilences(io, silences, context.clock.now());
    const first = page.find(({ closedAt }) => closedAt === null);
    if (first && io.stdout.isTTY) say(io, `To see one: donations alerts show ${first.id}`);
  });
}

const NONE = 'No worker has found a problem. To check now: donations health';

const asksForOver = ({ terms }: IncidentFilter) =>
  terms.some(({ name, not, values }) => name === 'status' && !not && values.includes('over'));
