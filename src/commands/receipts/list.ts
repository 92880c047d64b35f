import { Command } from 'commander';
import { formatMoney } from '../../lib/money.ts';
import { type Column, type OutputOptions, render } from '../../lib/output/render.ts';
import { parseCount } from '../../lib/parse.ts';
import type { ListedDelivery } from '../../lib/receipts/list.ts';
import type { Context } from '../context.ts';
import { donorColumn } from '../shared/donor-column.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { type PagingOptions, sayPage, withPaging } from '../shared/paging.ts';
import { type FilterOptions, receiptFilterOf, withReceiptFilter } from './shared/filter-options.ts';

const COLUMNS: Column<ListedDelivery>[] = [
  { name: 'number', header: 'RECEIPT', value: (row) => row.number, whole: true },
  {
    name: 'status',
    header: 'STATUS',
    value: (row) => row.status,
    tone: (row) =>
      row.status === 'accepted'
        ? 'good'
        : row.status === 'held' || row.status === 'failed'
          ? 'bad'
          : 'warn',
  },
  {
    name: 'amount_minor',
    header: 'AMOUNT',
    value: (row) => row.amountMinor,
    text: ({ amountMinor: minor, currency }) =>
      minor === null || currency === null ? '' : formatMoney({ minor, currency }),
    align: 'right',
  },
  { name: 'currency', header: 'CURRENCY', value: (row) => row.currency, wide: true },
  donorColumn((row) => ({ id: row.donor, name: row.donorName, email: null })),
  { name: 'recipient', header: 'TO', value: (row) => row.recipient },
  { name: 'kind', header: 'KIND', value: (row) => row.kind, minor: true },
  { name: 'channel', header: 'BY', value: (row) => row.channel, wide: true },
  { name: 'at', header: 'WHEN', value: (row) => row.at },
  { name: 'reason', header: 'WHY', value: (row) => row.reason },
  { name: 'issued_on', header: 'ISSUED', value: (row) => row.issuedOn, minor: true },
  { name: 'receipt_kind', header: 'OF', value: (row) => row.of, wide: true },
  { name: 'void', header: 'VOID', value: (row) => row.isVoid, wide: true },
  { name: 'receipt', header: 'ID', value: (row) => row.receipt, wide: true },
  { name: 'delivery', header: 'DELIVERY', value: (row) => row.delivery, wide: true },
  { name: 'donation', header: 'DONATION', value: (row) => row.donation, wide: true },
];

type Options = OutputOptions & FilterOptions & PagingOptions;

/** `donations receipts list`: receipts and what became of each delivery. */
export function receiptsListCommand(context: Context): Command {
  const command = withPaging(
    withReceiptFilter(
      new Command('list').description('receipts and what became of each delivery, newest first'),
    ),
  );
  return examples(withOutput(command, COLUMNS), [
    ['donations receipts list --held', 'receipts that wait for a decision'],
    [
      "donations receipts list 'status:failed fund:gala' --json=number,recipient,reason",
      'a filter',
    ],
  ]).action(async (words: string[], options: Options) => {
    const limit = parseCount(options.limit, { max: 100_000 });
    const { after } = options;
    const filter = receiptFilterOf(words, options);
    const { countDeliveries, listDeliveries } = await import('../../lib/receipts/list.ts');
    const { deliveries, next, total } = await context.read(async (tx) => ({
      ...(await listDeliveries(tx, filter, { limit, after })),
      total: await countDeliveries(tx, filter),
    }));
    render(context.io, options, COLUMNS, deliveries, { empty: 'No receipts.' });
    sayPage(context, deliveries.length, { total, next, one: 'delivery', many: 'deliveries' });
  });
}
