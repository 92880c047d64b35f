import { Command } from 'commander';
import { AUDIT_ACTIONS } from '../../lib/audit/actions.ts';
import { type OutputOptions, render } from '../../lib/output/render.ts';
import { parseCount, parseDuration } from '../../lib/parse.ts';
import type { Context } from '../context.ts';
import { CompletedOption, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { type PagingOptions, sayPage, withPaging } from '../shared/paging.ts';
import { AUDIT_COLUMNS } from './shared/columns.ts';
import { type About, subjectsOf, withAbout } from './shared/subjects.ts';

type Options = OutputOptions &
  About &
  PagingOptions & { since?: string; action?: string; by?: string };

/** `donations audit list`, or `donations audit`: who did what, the latest first. */
export function auditListCommand(context: Context): Command {
  const command = new Command('list')
    .description('list the changes by people: who, what, when, how many and why; the latest first')
    .option('--since <time>', 'no longer ago than this: 2h, 7d')
    .addOption(
      new CompletedOption(
        '--action <action>',
        'what was done: jobs.retry, or jobs for all of them',
        AUDIT_ACTIONS,
      ),
    )
    .addOption(
      new CompletedOption('--by <name>', 'who did it: grace, or grace@host', recent('actor')),
    );
  return examples(withOutput(withPaging(withAbout(command)), AUDIT_COLUMNS), [
    ['donations audit', 'the latest 50'],
    ['donations audit --since 7d --action jobs.discard', 'what was discarded this week'],
    ['donations audit --donation don_01jd2x', 'what people decided about a donation'],
  ]).action(async ({ action, by, ...options }: Options) => {
    const limit = parseCount(options.limit, { max: 10_000 });
    const sinceMs = options.since === undefined ? undefined : parseDuration(options.since);
    const { afterEntry, countAudit, listAudit } = await import('../../lib/audit/entries.ts');
    const { entries, total } = await context.read(async (tx) => {
      const filter = { sinceMs, action, actor: by, about: await subjectsOf(tx, options) };
      return {
        entries: await listAudit(tx, { ...filter, after: options.after, limit: limit + 1 }),
        total: await countAudit(tx, filter),
      };
    });
    const page = entries.slice(0, limit);
    render(context.io, options, AUDIT_COLUMNS, page, { empty: 'No such change by a person.' });
    const last = entries.length > limit ? page.at(-1) : undefined;
    sayPage(context, page.length, { total, next: last && afterEntry(last), one: 'change' });
  });
}
