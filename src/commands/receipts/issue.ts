import { Command } from 'commander';
import { print, say } from '../../lib/output/io.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';

interface Options {
  refund?: boolean;
  mail: boolean;
  reason?: string;
}

/** `donations receipts issue <donation>`: issues the receipt that a donation lacks. */
export function receiptsIssueCommand(context: Context): Command {
  const command = new Command('issue')
    .description('issue and send the receipt that a donation lacks')
    .argument('<donation>', 'donation, payment or job id')
    .option('--refund', 'one that says what was given back')
    .option('--no-mail', 'issue it, and send nothing')
    .option('--reason <text>', 'why, for the audit trail');
  return examples(command, [
    ['donations receipts issue don_01jd2x', 'one that `receipts missing` lists'],
    ['donations receipts issue don_01jd2x --refund', 'after the gift was given back'],
  ]).action(async (ref: string, { refund, mail, reason }: Options) => {
    const [{ findDonation }, { issueByHand }] = await Promise.all([
      import('../../lib/donations/find-donation.ts'),
      import('../../lib/receipts/by-hand.ts'),
    ]);
    const db = await context.db();
    const issued = await issueByHand(db, await findDonation(db, ref), {
      ...(await context.operator()),
      kind: refund ? 'refund' : 'donation',
      mailed: mail,
      reason,
    });
    print(
      context.io,
      `Receipt ${issued.number} is issued${issued.jobId ? ` and is sent (job ${issued.jobId})` : ''}.`,
    );
    say(context.io, `Next: donations receipts show ${issued.number}`);
  });
}
