import { UserError } from '../../../lib/errors.ts';
import type { Undone, UndoPlan } from '../../../lib/imports/commit/undo.ts';
import { type Io, plain, say } from '../../../lib/output/io.ts';
import { plural } from '../../../lib/output/text.ts';
import type { Context } from '../../context.ts';
import { confirmByTyping } from '../../shared/confirm.ts';

const STATUS = { open: 'imported in part', committed: 'imported', undone: 'undone' };

/** What an undo takes back, and what prevents it. */
export function tellUndo(io: Io, plan: UndoPlan): void {
  say(
    io,
    plain(`${plan.batch} (${plan.name}): ${plural(plan.gifts, 'gift')}, ${STATUS[plan.status]}`),
  );
  for (const { donation, line, why } of plan.refused.slice(0, 10))
    say(io, plain(`  line ${line}, ${donation}: ${why}`));
  for (const { number, donation, sent } of plan.receipts.slice(0, 10))
    say(io, plain(`  receipt ${number} of ${donation}${sent ? ' was sent' : ' waits to be sent'}`));
  if (plan.receiptCount > 10) say(io, `  and ${plan.receiptCount - 10} more receipts`);
}

/** Asks for the number of gifts. @throws UserError `confirmation_needed`. */
export async function confirmUndo(context: Context, plan: UndoPlan): Promise<void> {
  const what = `Takes back ${plural(plan.gifts, 'gift')}.`;
  if (await confirmByTyping(context, what, String(plan.gifts))) return;
  throw new UserError(
    'confirmation_needed',
    'nothing was undone: it was not confirmed',
    'Say yes with --yes; see first with --dry-run.',
  );
}

/** What was taken back, in a sentence. */
export function undoneText({ undone, donors, voided }: Undone): string {
  const parts = [plural(undone, 'gift'), ...(donors > 0 ? [plural(donors, 'donor')] : [])];
  const receipts = voided > 0 ? `, and voided ${plural(voided, 'receipt')}` : '';
  return `Took back ${parts.join(' and ')}${receipts}.`;
}
