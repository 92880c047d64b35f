import type { BulkChange, Plan } from '../../lib/bulk/change.ts';
import { UserError } from '../../lib/errors.ts';
import { capital, grouped } from '../../lib/output/text.ts';
import type { Context } from '../context.ts';
import { confirmByTyping, confirmYes } from './confirm.ts';

/**
 * Asks what the change says is to be asked: the more it is, the more has to be typed.
 *
 * @returns whether somebody was asked.
 * @throws UserError `confirmation_needed` when nobody has agreed.
 */
export async function confirmChange<P extends Plan>(
  context: Context,
  { words, question }: BulkChange<P>,
  { count }: P,
  { yes, confirmed }: { yes: boolean | undefined; confirmed: number | undefined },
): Promise<boolean> {
  if (yes) return false;
  if (confirmed !== undefined) {
    if (count <= confirmed) return false;
    throw new UserError(
      'confirmation_needed',
      `${grouped(confirmed)} ${words.many} were confirmed, and it would be ${grouped(count)}`,
      'Nothing was changed. See which: --dry-run',
    );
  }
  if (question === 'nothing') return false;
  const agreed =
    question === 'yes'
      ? await confirmYes(context, `${capital(words.verb)} this ${words.one}?`)
      : await confirmByTyping(context, '', String(count));
  if (agreed) return true;
  throw new UserError(
    'confirmation_needed',
    `nothing was changed: to ${words.verb} ${grouped(count)} ${count === 1 ? words.one : words.many} needs a confirmation`,
    `Confirm with --yes, or --confirm ${count}; see first with --dry-run.`,
  );
}
