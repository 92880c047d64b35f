import { Command } from 'commander';
import { DONATION_TERMS, parseDonationFilter } from '../lib/donations/vocabulary.ts';
import { render } from '../lib/output/render.ts';
import { parseCount } from '../lib/parse.ts';
import type { Context } from './context.ts';
import { DONATION_COLUMNS } from './shared/donation-columns.ts';
import { examples } from './shared/examples.ts';
import { withOutput } from './shared/output-options.ts';
import { type PagingOptions, sayPage, withPaging } from './shared/paging.ts';
import { filterText, withTerms } from './shared/term-options.ts';
import { showOrWatch, type WatchOptions, withWatch } from './shared/watch.ts';

/** `donations list`: the donations that a filter lets through. */
export function listCommand(context: Context): Command {
  const command = withTerms(
    new Command('list').description('find donations: by donor, amount, date, status, card'),
    DONATION_TERMS,
    'terms that must all hold: donor:… status:… amount:>100',
  );
  return examples(withWatch(withPaging(withOutput(command, DONATION_COLUMNS))), [
    ['donations list --donor lovelace', 'by a part of the name'],
    ["donations list 'amount:>=100usd date:2026-11 card:4242'", 'by a filter'],
    ['donations list --status declined --json=donation,donor,failure', 'for a script'],
  ]).action(async (words: string[], options: WatchOptions & PagingOptions) => {
    const filter = parseDonationFilter(filterText(DONATION_TERMS, words, { ...options }));
    const limit = parseCount(options.limit, { max: 10_000 });
    const { listDonations } = await import('../lib/donations/list.ts');
    await showOrWatch(context, options, async (io, options) => {
      const page = await context.read((tx) =>
        listDonations(tx, filter, { limit, after: options.after }),
      );
      render(io, options, DONATION_COLUMNS, page.donations, {
        empty: filter.text ? `No donations: ${filter.text}` : 'No donations.',
      });
      sayPage({ ...context, io }, page.donations.length, { ...page, one: 'donation' });
    });
  });
}
