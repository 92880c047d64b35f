import { Command } from 'commander';
import { formatMoney } from '../../lib/money.ts';
import { type Column, type OutputOptions, render } from '../../lib/output/render.ts';
import { statusText, statusTone } from '../../lib/output/status.ts';
import { parseCount } from '../../lib/parse.ts';
import type { ListedStatement } from '../../lib/receipts/statements.ts';
import type { Context } from '../context.ts';
import { CompletedOption, recent } from '../shared/completed.ts';
import { donorColumn } from '../shared/donor-column.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { type PagingOptions, sayPage, withPaging } from '../shared/paging.ts';
import { readYear, type ScopeOptions, scopeOf } from './shared/scope.ts';

const COLUMNS: Column<ListedStatement>[] = [
  donorColumn(({ donor, name, email }) => ({ id: donor, name, email })),
  { name: 'gift_count', header: 'GIFTS', value: (row) => row.gifts, align: 'right' },
  {
    name: 'given',
    header: 'TOTAL',
    value: (row) =>
      row.totals.map(({ minor, currency }) => ({ currency, amount_minor: BigInt(minor) })),
    text: (row) =>
      row.totals
        .map(({ minor, currency }) => formatMoney({ minor: BigInt(minor), currency }))
        .join(', '),
    align: 'right',
  },
  { name: 'number', header: 'STATEMENT', value: (row) => row.number },
  {
    name: 'status',
    header: 'STATUS',
    value: ({ status }) => status,
    text: ({ status }) => (status === null ? '' : statusText(status)),
    tone: ({ status }) => (status === null ? undefined : statusTone(status)),
  },
  { name: 'reason', header: 'WHY', value: (row) => row.why },
  { name: 'email', header: 'E-MAIL', value: (row) => row.email },
];

type Options = OutputOptions & ScopeOptions & PagingOptions & { unsent?: boolean };

/** `donations statements list`: the donors of a year, and what became of their statements. */
export function statementsListCommand(context: Context): Command {
  const command = new Command('list')
    .description('donors with gifts in a year, their statements, and why one has none')
    .requiredOption('--year <year>', 'the year of the gifts')
    .addOption(
      new CompletedOption(
        '--donor <donor>',
        'this donor: a part of the name, an address, or an id',
        recent('donor'),
      ),
    )
    .option('--unsent', 'those without a statement, or with something wrong about it');
  return examples(withOutput(withPaging(command), COLUMNS), [
    ['donations statements list --year 2026 --unsent', 'who got none, and why'],
    ['donations statements list --year 2026 --limit 100000 --output csv', 'for a spreadsheet'],
  ]).action(async (options: Options) => {
    readYear(options.year);
    const limit = parseCount(options.limit, { max: 1_000_000 });
    const [{ listStatements, YEAR_TIMEOUT_MS }, { readWithin }] = await Promise.all([
      import('../../lib/receipts/statements.ts'),
      import('../../lib/db/read.ts'),
    ]);
    const { statements, next, total } = await readWithin(
      await context.readDb(),
      YEAR_TIMEOUT_MS,
      async (tx) =>
        listStatements(tx, await scopeOf(tx, options, 'donations statements list'), {
          unsent: options.unsent === true,
          limit,
          after: options.after,
        }),
    );
    const empty = options.unsent ? 'No donor is without a statement.' : 'No gifts in that year.';
    render(context.io, options, COLUMNS, statements, { empty });
    sayPage(context, statements.length, { total, next, one: 'donor' });
  });
}
