import type { GiftFacts } from '../../facts.ts';
import { isProperty, moneyOf, netMinor, propertyOf } from '../form.ts';
import type { Wording } from '../wording.ts';

/** A payment of more than this needs the disclosure when something was given for it. US cents. */
const QUID_PRO_QUO_MINOR = 7500n;

/**
 * The written acknowledgment of a contribution: the organisation's name, the amount of cash or a
 * description, but not the value, of property, and either the statement that nothing was given in
 * return or a description of it with a good-faith estimate of its value. The law asks for it from
 * $250; here it is on every receipt.
 *
 * IRS Publication 1771, "Written Acknowledgment"; 26 U.S.C. 170(f)(8).
 */
export function writtenAcknowledgment(gift: GiftFacts): Wording {
  return {
    form: 'united-states',
    title: 'Donation receipt',
    property: isProperty(gift) ? propertyOf(gift) : null,
    deductibleMinor: deductible(gift),
    details: [],
    statements: [goodsStatement(gift), ...disclosure(gift)],
  };
}

/**
 * What was given in return, with a good-faith estimate of its value, or that nothing was: exactly one
 * of them. Of property the receipt states no value, so the value of what was given in return alone.
 */
function goodsStatement(gift: GiftFacts): string {
  if (gift.goodsDescription === null) return gift.organization.noGoodsStatement;
  return `In exchange for this contribution the donor received: ${gift.goodsDescription}. Good-faith estimate of its value: ${moneyOf(gift, gift.goodsValueMinor)}.`;
}

/**
 * The disclosure for a payment that is partly for goods or services: that only the excess over their
 * value is deductible. The test is on the whole payment, not on the part that is a gift. In another
 * currency than the dollar the threshold cannot be compared, and the disclosure is always made.
 *
 * 26 U.S.C. 6115; IRS Publication 1771, "Written Disclosure".
 */
function disclosure(gift: GiftFacts): string[] {
  if (gift.goodsValueMinor === 0n) return [];
  if (gift.currency === 'usd' && gift.amountMinor <= QUID_PRO_QUO_MINOR) return [];
  const limited =
    'The amount of the contribution that is deductible for federal income tax purposes is limited to the excess of the money (and the value of any property other than money) contributed over the value of the goods or services provided';
  return [isProperty(gift) ? `${limited}.` : `${limited}: ${moneyOf(gift, deductible(gift))}.`];
}

/** Never below zero: what was refunded may be more than the part that was a gift. */
function deductible(gift: GiftFacts): bigint {
  const excess = netMinor(gift) - gift.goodsValueMinor;
  return excess > 0n ? excess : 0n;
}
