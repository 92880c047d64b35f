import { Command } from 'commander';
import { print, say } from '../../lib/output/io.ts';
import { chosenFormat, fieldsOf, type OutputOptions, renderOne } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';

const FIELDS = fieldsOf('receipt', 'number', 'delivery', 'job_id', 'recipient');

/** `donations receipts resend <id>`: sends a receipt again, as a copy. */
export function receiptsResendCommand(context: Context): Command {
  const command = new Command('resend')
    .description('send a receipt again: same number and content, marked COPY')
    .argument('<id>', 'receipt, receipt number, delivery, donation or job id')
    .option('--to <address>', "another address than the donor's")
    .option('--reason <text>', 'why, for the audit trail');
  return examples(withOutput(command, FIELDS), [
    [
      'donations receipts resend 2026-000042 --reason "donor lost it"',
      'to the address on the donation',
    ],
    ['donations receipts resend rcp_01jd2x --to ada@new.example', 'to another address'],
  ]).action(async (ref: string, options: OutputOptions & { to?: string; reason?: string }) => {
    const [{ findReceipt }, { resendReceipt }, { checkEmail }] = await Promise.all([
      import('../../lib/receipts/find.ts'),
      import('../../lib/receipts/resend.ts'),
      import('../../lib/text.ts'),
    ]);
    const to = options.to === undefined ? undefined : checkEmail(options.to);
    const db = await context.db();
    const receipt = await findReceipt(db, ref);
    const sent = await resendReceipt(db, receipt, {
      ...(await context.operator()),
      reason: options.reason,
      to,
    });
    if (chosenFormat(options).format !== 'table') {
      return renderOne(context.io, options, FIELDS, {
        receipt: receipt.id,
        number: receipt.number,
        delivery: sent.deliveryId,
        job_id: sent.jobId,
        recipient: sent.recipient,
      });
    }
    print(
      context.io,
      `A copy of receipt ${receipt.number} goes to ${sent.recipient} (job ${sent.jobId}).`,
    );
    say(context.io, `Next: donations show ${receipt.donationId}`);
  });
}
