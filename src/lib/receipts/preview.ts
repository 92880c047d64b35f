import type { Queryable } from '../db/database.ts';
import { findDonation } from '../donations/find-donation.ts';
import { notFound, UserError } from '../errors.ts';
import type { ReceiptContent } from './content.ts';
import { describeGift, describeStatement } from './describe.ts';
import { loadGiftFacts } from './facts.ts';
import { findReceipt, type Receipt } from './find-receipt.ts';
import { findTemplates } from './kept-templates.ts';
import { findStatement, statementOrders } from './statement-orders.ts';
import type { MailTemplates } from './templates.ts';

/** What a mail would be made of, or was. */
export interface Preview {
  content: ReceiptContent;
  /** The templates that it was sent with; undefined: it was not sent, and is written with those of today. */
  written: MailTemplates | undefined;
}

/**
 * What a receipt says: as it was sent, or as it would be. A donation that has no receipt is shown as it
 * would be receipted now, without a number.
 *
 * @throws UserError `not_found`, or `usage` when several receipts fit.
 */
export async function previewReceipt(db: Queryable, ref: string): Promise<Preview> {
  const receipt = await find(db, ref);
  if (!receipt) {
    const gift = await loadGiftFacts(db, await findDonation(db, ref));
    return {
      content: { ...describeGift('donation', gift, null), number: NO_NUMBER },
      written: undefined,
    };
  }
  const template = receipt.deliveries.find((delivery) => delivery.template)?.template;
  return {
    content: receipt.content,
    written: template ? await findTemplates(db, template) : undefined,
  };
}

/**
 * What a statement says: the donor's statement of the year as it was sent, or as it would be issued now.
 * @throws UserError `not_found` when the donor has no gift to list.
 */
export async function previewStatement(
  db: Queryable,
  year: number,
  donor: string,
): Promise<Preview> {
  const issued = await findStatement(db, year, donor);
  if (issued) return previewReceipt(db, issued);
  const [order] = await statementOrders(db, year, [donor], { lock: false });
  if (!order) throw notFound(`${donor} has no gifts in ${year} that a statement lists`);
  const { gifts } = order.statement;
  return {
    content: { ...describeStatement(year, gifts, null), number: NO_NUMBER },
    written: undefined,
  };
}

const NO_NUMBER = '(no number yet)';

async function find(db: Queryable, ref: string): Promise<Receipt | undefined> {
  try {
    return await findReceipt(db, ref);
  } catch (error) {
    if (error instanceof UserError && error.code === 'not_found') return undefined;
    throw error;
  }
}
