import type { BulkChange, Plan } from '../../lib/bulk/change.ts';
import { UserError } from '../../lib/errors.ts';
import { capital, grouped } from '../../lib/output/text.ts';
import type { Context } from '../context.ts';
import { confirmByTyping, confirmYes } from './confirm.ts';

/**
 * Asks for the confirmation that the change requires: for more rows, more has to be typed.
 *
 * @returns whether a person was asked.
 * @throws UserError `confirmation_needed` without a confirmation.
 */
export async function confirmChange<P extends Plan>(
  context: Context,
  { words, question }: Pick<BulkChange<P>, 'words' | 'question'>,
  { count }: P,
  { yes, confirmed }: { yes: boolean | undefined; confirmed: number | undefined },
): Promise<boolean> {
  if (yes) return false;
  if (confirmed !== undefined) {
    if (count <= confirmed) return false;
    throw new UserError(
      'confirmation_needed',
      `${grouped(confirmed)} ${words.many} were confirmed, but ${grouped(count)} would be changed`,
      'Nothing was changed. Preview with --dry-run, then confirm the new number.',
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
    `Preview with --dry-run, then confirm with --yes or --confirm ${count}.`,
  );
}
