import { Command } from 'commander';
import type { Queryable } from '../../lib/db/database.ts';
import type { DonorPage } from '../../lib/donors/page.ts';
import { chosenFormat, type OutputOptions, renderOne } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { openDashboard, withOpen } from '../shared/dashboard.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { DONOR_FIELDS } from './shared/donor-fields.ts';
import { tellDonor } from './shared/tell-donor.ts';

/** `donations donors show <donor>`: one page about a donor. */
export function donorsShowCommand(context: Context): Command {
  const command = withOpen(new Command('show'))
    .description('one donor: gifts, receipts, cards, mails, gifts that may be double')
    .addArgument(
      new CompletedArgument(
        '<donor>',
        'a part of the name, an e-mail address, an id, or a donation’s id',
        recent('donor', 'donation'),
      ),
    )
    .option('--wide', 'on a terminal, all columns and whole ids');
  return examples(withOutput(command, DONOR_FIELDS), [
    ['donations donors show ada@example.org', 'by an e-mail address'],
    ['donations donors show ada@example.org --open', 'the customer in the dashboard of Stripe'],
    ['donations donors show lovelace --json=gifts,possible_doubles', 'for a script'],
  ]).action(async (ref: string, options: OutputOptions & { open?: boolean }) => {
    const [{ findDonor }, { describeDonor }] = await Promise.all([
      import('../../lib/donors/find-donor.ts'),
      import('../../lib/donors/page.ts'),
    ]);
    const find = (tx: Queryable) => findDonor(tx, ref, 'donations donors show');
    if (options.open) {
      const { donorPage } = await import('../shared/provider-pages.ts');
      return openDashboard(context, async (tx) => donorPage(tx, await find(tx)));
    }
    const page: DonorPage = await context.read(async (tx) => describeDonor(tx, await find(tx)));
    if (chosenFormat(options).format === 'table') tellDonor(context.io, page, options);
    else renderOne(context.io, options, DONOR_FIELDS, page);
  });
}
