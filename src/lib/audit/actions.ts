import type { Queryable } from '../db/database.ts';
import { usageError } from '../errors.ts';
import { quoted } from '../text.ts';

/** What is audited, whether or not it has been done yet. */
export const AUDIT_ACTIONS = [
  'alerts.ack',
  'alerts.silence',
  'alerts.unsilence',
  'donors.fix-email',
  'donors.gift-aid-declare',
  'donors.gift-aid-withdraw',
  'import.commit',
  'import.undo',
  'jobs.discard',
  'jobs.pause',
  'jobs.recall',
  'jobs.reschedule',
  'jobs.rescue',
  'jobs.restore',
  'jobs.resume',
  'jobs.retry',
  'organization.update',
  'receipts.issue',
  'receipts.print',
  'receipts.reissue',
  'receipts.replay',
  'receipts.resend',
  'receipts.resolve',
  'receipts.void',
  'statements.issue',
  'statements.send',
] as const;

export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/**
 * Checks that there is such an action, or such a noun of actions.
 * @throws UserError `usage` with those that there are.
 */
export async function checkAction(db: Queryable, action: string): Promise<void> {
  const isIt = (known: string) => known === action || known.startsWith(`${action}.`);
  if (AUDIT_ACTIONS.some(isIt)) return;
  const { rows } = await db.query<{ action: string }>(
    'select distinct action from donations.audit_log',
  );
  const known = [...new Set([...AUDIT_ACTIONS, ...rows.map((row) => row.action)])].sort();
  if (known.some(isIt)) return;
  throw usageError(`there is no action ${quoted(action)}`, `Actions: ${known.join(', ')}`);
}
