import { Command } from 'commander';
import { print, say } from '../../lib/output/io.ts';
import { fieldsOf, type OutputOptions } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { inCommandSpan } from '../shared/in-span.ts';
import { withOutput } from '../shared/output-options.ts';
import { writeDone } from '../shared/write-result.ts';

const FIELDS = fieldsOf('receipt', 'number', 'donation', 'job');

interface Options extends OutputOptions {
  refund?: boolean;
  mail: boolean;
  reason?: string;
}

/** `donations receipts issue <donation>`: issues the receipt that a donation lacks. */
export function receiptsIssueCommand(context: Context): Command {
  const command = new Command('issue')
    .description('issue and send the receipt that a donation lacks')
    .addArgument(
      new CompletedArgument(
        '<donation>',
        'donation, payment or job id',
        recent('donation', 'payment', 'job'),
      ),
    )
    .option('--refund', 'one that says what was given back')
    .option('--no-mail', 'issue it, and send nothing')
    .option('--reason <text>', 'why, for the audit trail');
  return examples(withOutput(command, FIELDS), [
    ['donations receipts issue don_01jd2x', 'one that `receipts missing` lists'],
    ['donations receipts issue don_01jd2x --refund', 'after the gift was given back'],
  ]).action(async (ref: string, { refund, mail, reason, ...output }: Options) => {
    const [{ findDonation }, { issueByHand }] = await Promise.all([
      import('../../lib/donations/find-donation.ts'),
      import('../../lib/receipts/by-hand.ts'),
    ]);
    const db = await context.db();
    const donation = await findDonation(db, ref);
    const kind = refund ? 'refund' : 'donation';
    const order = { ...(await context.operator()), kind, mailed: mail, reason } as const;
    const { receiptId, number, jobId } = await inCommandSpan(
      context,
      'receipts issue',
      { 'donations.donation': donation },
      () => issueByHand(db, donation, order),
    );
    const { io } = context;
    writeDone(
      io,
      output,
      FIELDS,
      { receipt: receiptId, number, donation, job: jobId?.toString() },
      () => {
        print(io, `Receipt ${number} is issued${jobId ? ` and is sent (job ${jobId})` : ''}.`);
        say(io, `Next: donations receipts show ${number}`);
      },
    );
  });
}
