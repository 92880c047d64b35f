import { Command } from 'commander';
import { print, say } from '../../lib/output/io.ts';
import { fieldsOf, type OutputOptions } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { inCommandSpan } from '../shared/in-span.ts';
import { withOutput } from '../shared/output-options.ts';
import { writeDone } from '../shared/write-result.ts';

const FIELDS = fieldsOf('receipt', 'number', 'replaces', 'donation', 'job');

interface Options extends OutputOptions {
  reason: string;
  mail: boolean;
}

/** `donations receipts reissue <id>`: a new receipt in place of one that is wrong. */
export function receiptsReissueCommand(context: Context): Command {
  const command = new Command('reissue')
    .description('void a receipt and issue a new one, from the facts as they are now')
    .addArgument(
      new CompletedArgument(
        '<id>',
        'receipt, receipt number, delivery, donation or job id',
        recent('receipt', 'delivery', 'donation'),
      ),
    )
    .requiredOption('--reason <text>', 'why; it stands on the old receipt for good')
    .option('--no-mail', 'issue it, and send nothing');
  return examples(withOutput(command, FIELDS), [
    [
      'donations receipts reissue 2026-000042 --reason "name was misspelt"',
      'after the donor was corrected',
    ],
    ['donations receipts reissue rcp_01jd2x --reason "moved" --no-mail', 'to be printed'],
  ]).action(async (ref: string, { reason, mail, ...output }: Options) => {
    const [{ findReceipt }, { reissueReceipt }] = await Promise.all([
      import('../../lib/receipts/find-receipt.ts'),
      import('../../lib/receipts/void.ts'),
    ]);
    const db = await context.db();
    const receipt = await findReceipt(db, ref);
    const order = { ...(await context.operator()), reason, mailed: mail };
    const issued = await inCommandSpan(
      context,
      'receipts reissue',
      { 'donations.receipt': receipt.id },
      () => reissueReceipt(db, receipt, order),
    );
    const { receiptId, number, jobId } = issued;
    const { io } = context;
    const done = { receipt: receiptId, number, replaces: receipt.number };
    writeDone(
      io,
      output,
      FIELDS,
      { ...done, donation: receipt.donationId, job: jobId?.toString() },
      () => {
        const sent = jobId ? ` and is sent (job ${jobId})` : '';
        print(io, `Receipt ${number} replaces ${receipt.number}${sent}.`);
        say(io, `Next: donations receipts show ${number}`);
      },
    );
  });
}
