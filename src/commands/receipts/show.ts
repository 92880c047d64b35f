import { Command } from 'commander';
import { type OutputOptions, renderOne } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { openDashboard, withOpen } from '../shared/dashboard.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { RECEIPT_COLUMNS } from './shared/receipt-columns.ts';

/** `donations receipts show <id>`: one receipt, its deliveries and attempts. */
export function receiptsShowCommand(context: Context): Command {
  const command = withOpen(new Command('show'))
    .description('one receipt, its deliveries, and each attempt to send it')
    .addArgument(
      new CompletedArgument(
        '<id>',
        'receipt, receipt number, delivery, donation or job id',
        recent('receipt', 'delivery', 'donation'),
      ),
    );
  return examples(withOutput(command, RECEIPT_COLUMNS), [
    ['donations receipts show 2026-000042', 'by its number'],
    ['donations receipts show rcp_01jd2x --json', 'by the beginning of its id, for a script'],
  ]).action(async (ref: string, options: OutputOptions & { open?: boolean }) => {
    if (options.open) {
      const { mailPage } = await import('../shared/provider-pages.ts');
      return openDashboard(context, (tx) => mailPage(tx, ref));
    }
    const [{ findReceipt }, { listMailEvents, listSendAttempts }] = await Promise.all([
      import('../../lib/receipts/find-receipt.ts'),
      import('../../lib/receipts/attempts.ts'),
    ]);
    const shown = await context.read(async (tx) => {
      const receipt = await findReceipt(tx, ref);
      const attempts = await listSendAttempts(tx, receipt.donationId);
      const events = await listMailEvents(
        tx,
        receipt.deliveries.map(({ id }) => id),
      );
      return { ...receipt, attempts, events };
    });
    renderOne(context.io, options, RECEIPT_COLUMNS, shown);
  });
}
