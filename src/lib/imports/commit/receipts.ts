import type { Queryable } from '../../db/database.ts';
import { loadManyGiftFacts } from '../../receipts/facts.ts';
import { issueReceipts } from '../../receipts/issue.ts';

export interface ReceiptRules {
  /** Only for gifts from this day on. */
  after: string | undefined;
}

/** Receipts of gifts made just now go first. */
const PRIORITY = 10;

/**
 * Issues the receipts of the chunk's gifts, with the jobs that mail them: of donors who have an address
 * and may be mailed. The sponsor of a donor-advised fund, or the employer of a match, gives the receipt.
 * @returns how many.
 */
export async function receiptChunk(
  tx: Queryable,
  { from, to, after }: { from: number; to: number } & ReceiptRules,
): Promise<number> {
  const { rows } = await tx.query<{ id: string }>(
    `select donation_id as id from staged
     where line > $1 and line <= $2 and method not in ('daf', 'matching')
       and ($3::date is null or gift_on >= $3::date)
     order by line, part`,
    [from, to, after ?? null],
  );
  const gifts = await loadManyGiftFacts(
    tx,
    rows.map(({ id }) => id),
  );
  const orders = gifts
    .filter(({ donor }) => donor.email !== null && donor.mayBeMailed)
    .map((gift) => ({ gift, mailed: true, priority: PRIORITY }));
  if (orders.length > 0) await issueReceipts(tx, orders);
  return orders.length;
}
