import { Command } from 'commander';
import { print, say } from '../../lib/output/io.ts';
import { fieldsOf, type OutputOptions } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { writeDone } from '../shared/write-result.ts';

const FIELDS = fieldsOf('receipt', 'number', 'donation', 'status');

/** `donations receipts void <id>`: makes a receipt void. */
export function receiptsVoidCommand(context: Context): Command {
  const command = new Command('void')
    .description('mark a receipt as void: it stays on record, and is not sent any more')
    .addArgument(
      new CompletedArgument(
        '<id>',
        'receipt, receipt number, delivery, donation or job id',
        recent('receipt', 'delivery', 'donation'),
      ),
    )
    .requiredOption('--reason <text>', 'why; it stands on the receipt for good');
  return examples(withOutput(command, FIELDS), [
    ['donations receipts void 2026-000042 --reason "entered twice"', 'it acknowledges no gift'],
    ['donations receipts void rcp_01jd2x --reason "wrong donor"', 'by the beginning of its id'],
  ]).action(async (ref: string, { reason, ...output }: OutputOptions & { reason: string }) => {
    const [{ findReceipt }, { voidReceipt }] = await Promise.all([
      import('../../lib/receipts/find-receipt.ts'),
      import('../../lib/receipts/void.ts'),
    ]);
    const db = await context.db();
    const receipt = await findReceipt(db, ref);
    await voidReceipt(db, receipt, { ...(await context.operator()), reason });
    const { io } = context;
    const { id, number, donationId: donation } = receipt;
    writeDone(io, output, FIELDS, { receipt: id, number, donation, status: 'void' }, () => {
      print(io, `Receipt ${number} is void.`);
      say(io, `Next: donations receipts reissue ${number} --reason …`);
    });
  });
}
