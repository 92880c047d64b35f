import { Command } from 'commander';
import { formatMoney } from '../../lib/money.ts';
import { type Column, type OutputOptions, render } from '../../lib/output/render.ts';
import { parseCount, parseDay } from '../../lib/parse.ts';
import type { MissingReceipt } from '../../lib/receipts/missing.ts';
import type { Context } from '../context.ts';
import { donorColumn } from '../shared/donor-column.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { type PagingOptions, sayPage, withPaging } from '../shared/paging.ts';

const COLUMNS: Column<MissingReceipt>[] = [
  { name: 'given_on', header: 'GIVEN', value: (row) => row.givenOn },
  donorColumn((row) => row.donor),
  {
    name: 'amount_minor',
    header: 'AMOUNT',
    value: (row) => row.amountMinor,
    text: (row) => formatMoney({ minor: row.amountMinor, currency: row.currency }),
    align: 'right',
  },
  { name: 'currency', header: 'CURRENCY', value: (row) => row.currency, wide: true },
  { name: 'reason', header: 'WHY', value: (row) => row.why },
  { name: 'number', header: 'RECEIPT', value: (row) => row.receipt, whole: true },
  { name: 'method', header: 'METHOD', value: (row) => row.method, wide: true },
  { name: 'status', header: 'STATUS', value: (row) => row.status, wide: true },
  { name: 'donation', header: 'DONATION', value: (row) => row.donation, isId: true },
];

/** `donations receipts missing`: gifts without a receipt. */
export function receiptsMissingCommand(context: Context): Command {
  const command = withPaging(
    new Command('missing')
      .description('gifts that are paid and whose donor has no receipt, each with the reason')
      .option('--since <day>', 'given on this day or later: 2026-01-01'),
  );
  return examples(withOutput(command, COLUMNS), [
    ['donations receipts missing --since 2026-01-01', 'before the statements of the year'],
    ['donations receipts missing --json=donation,reason', 'for a script'],
  ]).action(async (options: OutputOptions & PagingOptions & { since?: string }) => {
    const limit = parseCount(options.limit, { max: 100_000 });
    const { after } = options;
    const since = options.since === undefined ? null : parseDay(options.since);
    const { countMissing, listMissing } = await import('../../lib/receipts/missing.ts');
    const { missing, next, total } = await context.read(async (tx) => ({
      ...(await listMissing(tx, { since, limit, after })),
      total: await countMissing(tx, since),
    }));
    render(context.io, options, COLUMNS, missing, { empty: 'Every gift has its receipt.' });
    sayPage(context, missing.length, { total, next, one: 'gift' });
  });
}
