import type { GiftFacts } from '../../facts.ts';
import { moneyOf, netMinor } from '../form.ts';
import type { Wording } from '../wording.ts';

/** Says what was given back of a gift, so that the donor does not deduct it. */
export function refundReceipt(gift: GiftFacts): Wording {
  const left = netMinor(gift);
  return {
    form: 'refund',
    title: 'Refund confirmation',
    property: null,
    deductibleMinor: 0n,
    details: [{ label: 'Gift', value: moneyOf(gift, gift.amountMinor) }],
    statements: [
      left === 0n
        ? 'The whole gift was returned. It is not deductible, and a receipt for it is no longer valid.'
        : `Part of the gift was returned. What remains of it is ${moneyOf(gift, left)}; a receipt for more is no longer valid.`,
    ],
  };
}
