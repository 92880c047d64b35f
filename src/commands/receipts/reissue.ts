import { Command } from 'commander';
import { print, say } from '../../lib/output/io.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';

interface Options {
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
        recent('receipt'),
      ),
    )
    .requiredOption('--reason <text>', 'why; it stands on the old receipt for good')
    .option('--no-mail', 'issue it, and send nothing');
  return examples(command, [
    [
      'donations receipts reissue 2026-000042 --reason "name was misspelt"',
      'after the donor was corrected',
    ],
    ['donations receipts reissue rcp_01jd2x --reason "moved" --no-mail', 'to be printed'],
  ]).action(async (ref: string, { reason, mail }: Options) => {
    const [{ findReceipt }, { reissueReceipt }] = await Promise.all([
      import('../../lib/receipts/find.ts'),
      import('../../lib/receipts/void.ts'),
    ]);
    const db = await context.db();
    const receipt = await findReceipt(db, ref);
    const operator = await context.operator();
    const issued = await reissueReceipt(db, receipt, { ...operator, reason, mailed: mail });
    print(
      context.io,
      `Receipt ${issued.number} replaces ${receipt.number}${issued.jobId ? ` and is sent (job ${issued.jobId})` : ''}.`,
    );
    say(context.io, `Next: donations receipts show ${issued.number}`);
  });
}
