import { Command, Option } from 'commander';
import { formatMoney } from '../../lib/money.ts';
import { type Column, type OutputOptions, render } from '../../lib/output/render.ts';
import { parseCount } from '../../lib/parse.ts';
import type { DeliveryStatus, ListedDelivery } from '../../lib/receipts/find.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';

const COLUMNS: Column<ListedDelivery>[] = [
  { name: 'number', header: 'RECEIPT', value: (row) => row.number },
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
    value: (row) => row.amount_minor,
    text: (row) => formatMoney({ minor: row.amount_minor, currency: row.currency }),
    align: 'right',
  },
  { name: 'currency', header: 'CURRENCY', value: (row) => row.currency, wide: true },
  { name: 'recipient', header: 'TO', value: (row) => row.recipient },
  { name: 'kind', header: 'KIND', value: (row) => row.kind },
  { name: 'at', header: 'WHEN', value: (row) => row.at },
  { name: 'reason', header: 'WHY', value: (row) => row.reason },
  { name: 'id', header: 'ID', value: (row) => row.receipt, wide: true },
  { name: 'delivery', header: 'DELIVERY', value: (row) => row.delivery, wide: true },
  { name: 'donation', header: 'DONATION', value: (row) => row.donation, wide: true },
];

const STATUSES: DeliveryStatus[] = ['pending', 'sending', 'accepted', 'held', 'failed'];

/** `donations receipts list`: receipts and what became of each delivery. */
export function receiptsListCommand(context: Context): Command {
  const command = new Command('list')
    .description('receipts and what became of each delivery, newest first')
    .addOption(new Option('--status <status>', 'only these').choices(STATUSES))
    .addOption(new Option('--held', 'those that may have been sent').implies({ status: 'held' }))
    .addOption(new Option('--failed', 'those that could not be sent').implies({ status: 'failed' }))
    .option('--limit <n>', 'how many', '50');
  return examples(withOutput(command, COLUMNS), [
    ['donations receipts list --held', 'what waits for somebody to decide'],
    ['donations receipts list --failed --json=number,recipient,reason', 'for a script'],
  ]).action(async (options: OutputOptions & { status?: DeliveryStatus; limit: string }) => {
    const limit = parseCount(options.limit, { max: 10_000 });
    const { listDeliveries } = await import('../../lib/receipts/find.ts');
    const rows = await context.read((tx) => listDeliveries(tx, { status: options.status, limit }));
    render(context.io, options, COLUMNS, rows, { empty: 'No receipts.' });
  });
}
