import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import type { Context } from '../context.ts';
import { type BulkOptions, withBulk } from '../shared/bulk-options.ts';
import { commandLine } from '../shared/command-line.ts';
import { examples } from '../shared/examples.ts';
import { runBulk } from '../shared/run-bulk.ts';
import { type FilterOptions, receiptFilterOf, withReceiptFilter } from './shared/filter-options.ts';

type Options = BulkOptions &
  FilterOptions & { sent?: boolean; resend?: boolean; force?: boolean; note?: string };

/** `donations receipts resolve`: settles receipts that may have been sent. */
export function receiptsResolveCommand(context: Context): Command {
  const command = withBulk(
    withReceiptFilter(
      new Command('resolve').description('decide about held receipts, which may have been sent'),
      'receipt numbers or ids, or terms that must all hold: status:held issued:>=2026-11',
    ),
    'receipts',
    ['donor_count', 'unknown', 'outcome'],
  )
    .option('--sent', 'they were sent: nothing more goes out')
    .option('--resend', 'send them, although they may have been sent before')
    .option('--force', 'with --resend: also when a copy was sent since')
    .option('--note <text>', 'another name of --reason');
  return examples(command, [
    ['donations receipts resolve 2026-000042 --sent --note "in SendGrid’s activity feed"', 'one'],
    ['donations receipts resolve 2026-000042 2026-000043 --resend', 'they did not arrive: send'],
    ['donations receipts resolve --held --since 3h --sent --dry-run', 'those of an outage'],
  ]).action(async (words: string[], options: Options) => {
    const refs = words.filter((word) => !word.includes(':'));
    const terms = words.filter((word) => word.includes(':'));
    const outcome = outcomeOf(refs, options);
    const force = options.force === true;
    const { findReceipt } = await import('../../lib/receipts/find-receipt.ts');
    const db = await context.db();
    const receipts = [];
    for (const ref of refs) receipts.push(await findReceipt(db, ref));
    const ids = [...new Set(receipts.map(({ id }) => id))];
    if (ids.length > 0) terms.push(`receipt:${ids.join(',')}`);
    const filter = receiptFilterOf(terms, options);
    if (filter.terms.length === 0)
      throw usageError(
        'no receipts are selected: give numbers, --held, or a filter',
        "For instance 2026-000042, or --held --since 3h, or 'status:held fund:gala'.",
      );
    const { refuseToResolve } = await import('../../lib/receipts/resolve.ts');
    const [only] = filter.terms.length === 1 && ids.length === 1 ? receipts : [];
    if (only) refuseToResolve(only, { outcome, force });
    const { resolveReceipts } = await import('../../lib/receipts/resolve-many.ts');
    const { actor } = await context.operator();
    const change = resolveReceipts(filter, { outcome, force, actor, only: only?.donationId });
    await runBulk(context, change, { ...options, ...reasonOf(options) });
  });
}

function outcomeOf(refs: string[], { sent, resend, force }: Options): 'sent' | 'resend' {
  if (Boolean(sent) === Boolean(resend)) {
    throw usageError(
      'say what is true: --sent or --resend',
      `Look for the mail at SendGrid first. When and to whom: ${
        refs[0] ? commandLine(['receipts', 'show', refs[0]]) : 'donations receipts list --held'
      }`,
    );
  }
  if (force && !resend)
    throw usageError('--force belongs to --resend', 'With --sent nothing is sent.');
  return sent ? 'sent' : 'resend';
}

function reasonOf({ reason, note }: Options): { reason?: string } {
  if (reason !== undefined && note !== undefined)
    throw usageError('--note and --reason are the same', 'Give one of them.');
  const text = reason ?? note;
  return text === undefined ? {} : { reason: text };
}
