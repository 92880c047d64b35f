import { type Actor, recordAudit } from '../audit/record.ts';
import type { Db } from '../db/database.ts';
import { notFound } from '../errors.ts';
import { readdressWaiting } from '../receipts/enqueue.ts';

export interface EmailFix extends Actor {
  from: string;
  to: string;
  reason?: string | undefined;
}

export interface FixedEmail {
  /** Whose address it was; several donors may share one. */
  donors: { id: string; name: string }[];
  /** How many mails that wait go to the new address. */
  readdressed: number;
}

/**
 * Corrects an address of every donor who has it. Receipts that wait to be sent to it go to the new one;
 * the text of receipts does not change.
 *
 * @throws UserError `not_found` when no donor has it.
 */
export async function fixEmail(
  db: Db,
  { from, to, reason, ...operator }: EmailFix,
): Promise<FixedEmail> {
  return db.transaction(async (tx) => {
    const { rows: donors } = await tx.query<{ id: string; name: string; primary: boolean }>(
      `select n.id, n.name, e.is_primary as primary
       from donations.donor_emails e join donations.donors n on n.id = e.donor_id
       where lower(e.email) = lower($1) order by n.id for update of e`,
      [from],
    );
    if (donors.length === 0)
      throw notFound(`no donor has the address ${from}`, 'It is the whole address, as on record.');
    const ids = donors.map(({ id }) => id);
    // Who has the new one already does not get it twice.
    await tx.query(
      `delete from donations.donor_emails e
       where e.donor_id = any ($1) and lower(e.email) = lower($3) and lower($2) <> lower($3)`,
      [ids, from, to],
    );
    await tx.query(
      `update donations.donor_emails e set email = $3
       where e.donor_id = any ($1) and lower(e.email) = lower($2)`,
      [ids, from, to],
    );
    // One that was the primary address stays it; else the new one is it only if there is none.
    await tx.query(
      `update donations.donor_emails e set is_primary = true
       where e.donor_id = any ($1) and lower(e.email) = lower($2) and not exists (
         select 1 from donations.donor_emails o where o.donor_id = e.donor_id and o.is_primary)`,
      [ids, to],
    );
    const readdressed = await readdressWaiting(tx, { donors: ids, from, to });
    await recordAudit(tx, {
      ...operator,
      action: 'donors.fix-email',
      subject: ids.length === 1 ? ids[0] : undefined,
      reason,
      affected: ids.length,
      detail: { donors: ids, readdressed },
    });
    return { donors: donors.map(({ id, name }) => ({ id, name })), readdressed };
  });
}
