import { Command } from 'commander';
import type { ListedDonor } from '../../lib/donors/list.ts';
import { DONOR_TERMS, parseDonorFilter } from '../../lib/donors/vocabulary.ts';
import { term } from '../../lib/filter/parse.ts';
import { formatMoney } from '../../lib/money.ts';
import { type Column, type OutputOptions, render } from '../../lib/output/render.ts';
import { parseCount } from '../../lib/parse.ts';
import type { Context } from '../context.ts';
import { donorColumn } from '../shared/donor-column.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { type PagingOptions, sayPage, withPaging } from '../shared/paging.ts';
import { filterText, withTerms } from '../shared/term-options.ts';

const shownDonor = ({ id, name, email }: ListedDonor) => ({ id, name, email });

const COLUMNS: Column<ListedDonor>[] = [
  { ...donorColumn(shownDonor), text: (d) => d.id, isId: true },
  { name: 'name', header: 'NAME', value: (d) => d.name },
  { name: 'email', header: 'E-MAIL', value: (d) => d.email },
  { name: 'gift_count', header: 'GIFTS', value: (d) => d.gifts, align: 'right' },
  {
    name: 'given',
    header: 'GIVEN',
    value: (d) => d.given.map(({ currency, minor }) => ({ currency, amount_minor: minor })),
    text: (d) => d.given.map((money) => formatMoney(money)).join(', '),
    align: 'right',
  },
  { name: 'last_gift_on', header: 'LAST GIFT', value: (d) => d.lastGiftOn },
  { name: 'city', header: 'CITY', value: (d) => d.city, minor: true },
  { name: 'country', header: 'COUNTRY', value: (d) => d.country, minor: true },
  { name: 'kind', header: 'KIND', value: (d) => d.kind, wide: true },
  { name: 'created_at', header: 'KNOWN SINCE', value: (d) => d.createdAt, wide: true },
];

/** `donations donors list`: the donors that a filter lets through. */
export function donorsListCommand(context: Context): Command {
  const command = withTerms(
    new Command('list').description('find donors: by name, e-mail address, place'),
    DONOR_TERMS,
    'terms that must all hold: donor:… country:…',
  );
  return examples(withPaging(withOutput(command, COLUMNS)), [
    ['donations donors list lovelace', 'by a part of the name; case and accents do not matter'],
    ["donations donors list 'email:~@example.org country:us'", 'by a filter'],
    ['donations donors list --kind organization --json=donor,name,given', 'for a script'],
  ]).action(async (words: string[], options: OutputOptions & PagingOptions) => {
    const filter = parseDonorFilter(filterText(DONOR_TERMS, words.map(asTerm), { ...options }));
    const limit = parseCount(options.limit, { max: 10_000 });
    const { listDonors } = await import('../../lib/donors/list.ts');
    const page = await context.read((tx) =>
      listDonors(tx, filter, { limit, after: options.after }),
    );
    render(context.io, options, COLUMNS, page.donors, {
      empty: filter.text ? `No donors: ${filter.text}` : 'No donors.',
    });
    sayPage(context, page.donors.length, { ...page, one: 'donor' });
  });
}

/** A word without a colon is a part of a name, or an e-mail address. */
const asTerm = (word: string) => (word.includes(':') ? word : term('donor', word));
