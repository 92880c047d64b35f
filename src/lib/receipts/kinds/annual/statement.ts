import type { Statement, StatementGift } from '../../content.ts';
import type { GiftFacts } from '../../facts.ts';
import { composeReceipt } from '../choose.ts';
import { netMinor } from '../form.ts';

/**
 * The list and the sentences of a statement of gifts. Each gift has the words of its own receipt, so a
 * statement acknowledges a gift by the same rules as the receipt does.
 *
 * It is no official receipt: in Canada a gift has one official receipt only, so the caller leaves out
 * gifts that have theirs (Canada Revenue Agency, "Official donation receipts").
 *
 * @param gifts at least one, all of one donor.
 */
export function annualStatement(
  year: number,
  gifts: GiftFacts[],
): { statement: Statement; statements: string[] } {
  const listed = gifts.map((gift): StatementGift => {
    const { property, deductibleMinor, statements } = composeReceipt('donation', gift);
    return {
      donationId: gift.id,
      receivedOn: gift.giftOn,
      amountMinor: netMinor(gift).toString(),
      currency: gift.currency,
      property,
      deductibleMinor: property === null ? deductibleMinor.toString() : null,
      fund: gift.fund,
      note: gift.goodsDescription === null ? null : noteOf(gift, statements),
    };
  });
  const first = gifts[0] as GiftFacts;
  const plain = listed.filter(({ note }) => note === null).length;
  return {
    statement: { year, gifts: listed },
    statements: [
      ...(first.organization.country === 'CA'
        ? ['This is not an official receipt for income tax purposes.']
        : []),
      ...(plain === listed.length ? [first.organization.noGoodsStatement] : []),
      ...(plain > 0 && plain < listed.length
        ? [`For the gifts without a note: ${first.organization.noGoodsStatement}`]
        : []),
      ...(gifts.some(({ refundedMinor }) => refundedMinor > 0n)
        ? ['Amounts that were returned to you are deducted.']
        : []),
    ],
  };
}

const noteOf = ({ goodsDescription }: GiftFacts, statements: string[]): string =>
  statements.length > 0 ? statements.join(' ') : `Received in return: ${goodsDescription}`;
