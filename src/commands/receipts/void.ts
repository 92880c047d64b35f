import { Command } from 'commander';
import { print, say } from '../../lib/output/io.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';

/** `donations receipts void <id>`: makes a receipt void. */
export function receiptsVoidCommand(context: Context): Command {
  const command = new Command('void')
    .description('mark a receipt as void: it stays on record, and is not sent any more')
    .addArgument(
      new CompletedArgument(
        '<id>',
        'receipt, receipt number, delivery, donation or job id',
        recent('receipt'),
      ),
    )
    .requiredOption('--reason <text>', 'why; it stands on the receipt for good');
  return examples(command, [
    ['donations receipts void 2026-000042 --reason "entered twice"', 'it acknowledges no gift'],
    ['donations receipts void rcp_01jd2x --reason "wrong donor"', 'by the beginning of its id'],
  ]).action(async (ref: string, { reason }: { reason: string }) => {
    const [{ findReceipt }, { voidReceipt }] = await Promise.all([
      import('../../lib/receipts/find.ts'),
      import('../../lib/receipts/void.ts'),
    ]);
    const db = await context.db();
    const receipt = await findReceipt(db, ref);
    await voidReceipt(db, receipt, { ...(await context.operator()), reason });
    print(context.io, `Receipt ${receipt.number} is void.`);
    say(context.io, `Next: donations receipts reissue ${receipt.number} --reason …`);
  });
}
