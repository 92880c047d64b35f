import { Command } from 'commander';
import { formatMoney } from '../../lib/money.ts';
import { type Column, type OutputOptions, render } from '../../lib/output/render.ts';
import { parseCount } from '../../lib/parse.ts';
import type { ListedDelivery } from '../../lib/receipts/list.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
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
  { name: 'recipient', header: 'TO', value: (row) => row.recipient },
  { name: 'kind', header: 'KIND', value: (row) => row.kind },
  { name: 'channel', header: 'BY', value: (row) => row.channel, wide: true },
  { name: 'at', header: 'WHEN', value: (row) => row.at },
  { name: 'reason', header: 'WHY', value: (row) => row.reason },
  { name: 'receipt_kind', header: 'OF', value: (row) => row.of, wide: true },
  { name: 'void', header: 'VOID', value: (row) => row.isVoid, wide: true },
  { name: 'receipt', header: 'ID', value: (row) => row.receipt, wide: true },
  { name: 'delivery', header: 'DELIVERY', value: (row) => row.delivery, wide: true },
  { name: 'donation', header: 'DONATION', value: (row) => row.donation, wide: true },
];

/** `donations receipts list`: receipts and what became of each delivery. */
export function receiptsListCommand(context: Context): Command {
  const command = withReceiptFilter(
    new Command('list').description('receipts and what became of each delivery, newest first'),
  ).option('--limit <n>', 'how many', '50');
  return examples(withOutput(command, COLUMNS), [
    ['donations receipts list --held', 'receipts that wait for a decision'],
    [
      "donations receipts list 'status:failed fund:gala' --json=number,recipient,reason",
      'a filter',
    ],
  ]).action(async (words: string[], options: OutputOptions & FilterOptions & { limit: string }) => {
    const limit = parseCount(options.limit, { max: 100_000 });
    const filter = receiptFilterOf(words, options);
    const { listDeliveries } = await import('../../lib/receipts/list.ts');
    const rows = await context.read((tx) => listDeliveries(tx, filter, limit));
    render(context.io, options, COLUMNS, rows, { empty: 'No receipts.' });
  });
}
