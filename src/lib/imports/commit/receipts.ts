import type { Queryable } from '../../db/database.ts';
import { loadManyGiftFacts } from '../../receipts/facts.ts';
import { issueReceipts } from '../../receipts/issue.ts';

export interface ReceiptRules {
  /** Only for gifts from this day on. */
  after: string | undefined;
}

/** Receipts of gifts made just now go first. */
const PRIORITY = 10;

// Whoever's money it was has had a receipt from whoever held it: a fund's sponsor, an employer's own books.
const NOT_RECEIPTED = `'daf', 'matching'`;

/**
 * Issues the receipts of the chunk's gifts, with the jobs that mail them: of donors who have an address
 * and may be mailed.
 * @returns how many.
 */
export async function receiptChunk(tx: Queryable, { after }: ReceiptRules): Promise<number> {
  const day = after === undefined ? '' : `and c.gift_on >= date '${checkedDay(after)}'`;
  const gifts = (
    await loadManyGiftFacts(
      tx,
      `select c.donation_id from chunk c where c.method not in (${NOT_RECEIPTED}) ${day}`,
    )
  ).filter(({ donor }) => donor.email !== null && donor.mayBeMailed);
  if (gifts.length === 0) return 0;
  // Keys are looked up by their index: the planner has seen the queue before this import filled it.
  await tx.query('set enable_hashjoin = off; set enable_mergejoin = off');
  await issueReceipts(
    tx,
    gifts.map((gift) => ({ gift, mailed: true, priority: PRIORITY })),
  );
  await tx.query('reset enable_hashjoin; reset enable_mergejoin');
  return gifts.length;
}

function checkedDay(day: string): string {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) throw new Error(`${day} is not a day`);
  return day;
}
