import { Command } from 'commander';
import type { Db } from '../../lib/db/database.ts';
import { UserError } from '../../lib/errors.ts';
import { print, say } from '../../lib/output/io.ts';
import { chosenFormat, fieldsOf, type OutputOptions, renderOne } from '../../lib/output/render.ts';
import { statusText } from '../../lib/output/status.ts';
import type { Progress } from '../../lib/receipts/wait.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { inCommandSpan } from '../shared/in-span.ts';
import { withOutput } from '../shared/output-options.ts';

type Options = OutputOptions & {
  to?: string;
  force?: boolean;
  wait?: boolean;
  reason?: string;
};
const FIELDS = fieldsOf('receipt', 'number', 'delivery', 'job', 'recipient', 'status');

/** `donations receipts resend <id>`: sends a receipt again, as a copy. */
export function receiptsResendCommand(context: Context): Command {
  const command = new Command('resend')
    .description('send a receipt again: same number and content, marked COPY')
    .addArgument(
      new CompletedArgument(
        '<id>',
        'receipt, receipt number, delivery, donation or job id, or the donor’s address',
        recent('receipt', 'delivery', 'donation'),
      ),
    )
    .option('--to <address>', "another address than the donor's")
    .option('--force', 'also to an address that mail did not reach before')
    .option('--wait', 'wait until the mail provider has taken it')
    .option('--reason <text>', 'why, for the audit trail');
  return examples(withOutput(command, FIELDS), [
    [
      'donations receipts resend 2026-000042 --reason "donor lost it"',
      'to the address on the donation',
    ],
    ['donations receipts resend rcp_01jd2x --to ada@new.example', 'to another address'],
    ['donations receipts resend ada@example.org --wait', 'the donor’s one receipt, followed'],
  ]).action(async (ref: string, options: Options) => {
    const [{ findReceipt }, { resendReceipt }, { checkEmail }] = await Promise.all([
      import('../../lib/receipts/find-receipt.ts'),
      import('../../lib/receipts/resend.ts'),
      import('../../lib/text.ts'),
    ]);
    const to = options.to === undefined ? undefined : checkEmail(options.to);
    const db = await context.db();
    const receipt = await findReceipt(db, ref);
    const { reason, force } = options;
    const order = { ...(await context.operator()), reason, to, force };
    const sent = await inCommandSpan(
      context,
      'receipts resend',
      { 'donations.receipt': receipt.id },
      () => resendReceipt(db, receipt, order),
    );
    const json = chosenFormat(options).format !== 'table';
    if (!json) {
      print(
        context.io,
        `A copy of receipt ${receipt.number} goes to ${sent.recipient} (job ${sent.jobId}).`,
      );
    }
    const end = options.wait ? await untilSent(context, db, sent.deliveryId) : undefined;
    if (json) {
      renderOne(context.io, options, FIELDS, {
        receipt: receipt.id,
        number: receipt.number,
        delivery: sent.deliveryId,
        job: String(sent.jobId),
        recipient: sent.recipient,
        status: end?.status ?? 'pending',
      });
    } else if (end?.status === 'accepted') {
      print(context.io, 'The mail provider has taken it.');
    }
    if (end && end.status !== 'accepted') {
      throw new UserError(
        'failed',
        `receipt ${receipt.number} is ${end.status}: ${end.reason}`,
        `See it: donations receipts show ${receipt.number}`,
      );
    }
    if (!json) say(context.io, `Next: donations receipts show ${receipt.number}`);
  });
}

/** Waits for the end of a delivery, and says how far it is. */
async function untilSent(context: Context, db: Db, deliveryId: string): Promise<Progress> {
  const { waitForDelivery } = await import('../../lib/receipts/wait.ts');
  say(context.io, 'Waiting for it to be sent; Ctrl-C stops waiting, not the mail.');
  return waitForDelivery(db, deliveryId, {
    signal: context.signal,
    onChange: (status) => say(context.io, statusText(status)),
  });
}
