import type { GiftFacts } from '../../facts.ts';
import { isProperty, moneyOf, netMinor, propertyOf } from '../form.ts';
import type { Wording } from '../wording.ts';

/** A receipt that follows no country's rules: what was given, and what for. */
export function plainReceipt(gift: GiftFacts): Wording {
  const excess = netMinor(gift) - gift.goodsValueMinor;
  return {
    form: 'plain',
    title: 'Donation receipt',
    property: isProperty(gift) ? propertyOf(gift) : null,
    deductibleMinor: excess > 0n ? excess : 0n,
    details:
      gift.goodsDescription === null
        ? []
        : [
            { label: 'Received in return', value: gift.goodsDescription },
            { label: 'Value of that', value: moneyOf(gift, gift.goodsValueMinor) },
          ],
    statements:
      gift.organization.country === 'CA'
        ? ['This is not an official receipt for income tax purposes.']
        : gift.goodsDescription === null
          ? [gift.organization.noGoodsStatement]
          : [],
  };
}
