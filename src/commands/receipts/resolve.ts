import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { print, say } from '../../lib/output/io.ts';
import type { Context } from '../context.ts';
import { commandLine } from '../shared/command-line.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';

interface Options {
  sent?: boolean;
  resend?: boolean;
  force?: boolean;
  reason?: string;
}

/** `donations receipts resolve <id>`: settles a receipt that may have been sent. */
export function receiptsResolveCommand(context: Context): Command {
  const command = new Command('resolve')
    .description('settle a held receipt, of which nobody knows whether it was sent')
    .addArgument(
      new CompletedArgument(
        '<id>',
        'receipt, receipt number, delivery, donation or job id',
        recent('receipt'),
      ),
    )
    .option('--sent', 'it was sent: nothing more goes out')
    .option('--resend', 'send it, although it may have been sent before')
    .option('--force', 'with --resend: also when a copy was sent since')
    .option('--reason <text>', 'why, for the audit trail');
  return examples(command, [
    [
      'donations receipts resolve 2026-000042 --sent --reason "on SendGrid’s activity feed"',
      'it arrived',
    ],
    ['donations receipts resolve 2026-000042 --resend', 'it did not: send it'],
  ]).action(async (ref: string, options: Options) => {
    if (Boolean(options.sent) === Boolean(options.resend)) {
      throw usageError(
        'say what is true of it: --sent or --resend',
        `Look for it at SendGrid first. When and to whom: ${commandLine(['receipts', 'show', ref])}`,
      );
    }
    if (options.force && !options.resend)
      throw usageError('--force belongs to --resend', 'With --sent nothing is sent.');
    const outcome = options.sent ? 'sent' : 'resend';
    const [{ findReceipt }, { resolveDelivery }] = await Promise.all([
      import('../../lib/receipts/find.ts'),
      import('../../lib/receipts/resolve.ts'),
    ]);
    const db = await context.db();
    const receipt = await findReceipt(db, ref);
    const { recipient } = await resolveDelivery(db, receipt, {
      ...(await context.operator()),
      reason: options.reason,
      outcome,
      force: options.force,
    });
    print(
      context.io,
      outcome === 'sent'
        ? `Receipt ${receipt.number} counts as sent to ${recipient}.`
        : `Receipt ${receipt.number} goes to ${recipient}.`,
    );
    say(context.io, `Next: donations show ${receipt.donationId}`);
  });
}
