import type { GiftFacts } from '../../facts.ts';
import { isProperty, moneyOf, netMinor } from '../form.ts';
import type { Wording } from '../wording.ts';

/**
 * The official receipt of a registered charity for a gift of money: the statement that it is one, the
 * charity's name, address and registration number, a serial number, the place and the date of issue,
 * the date of the gift, the donor's name and address, the amount, the advantage with its description
 * and the eligible amount, the signature of a person authorised, and the name and website of the
 * Canada Revenue Agency. What is common to all receipts is not repeated here.
 *
 * Income Tax Regulations, C.R.C., c. 945, s. 3501(1).
 *
 * @returns undefined when a fact is missing or no receipt may be issued: then it is not official.
 */
export function officialReceipt(gift: GiftFacts): Wording | undefined {
  const { organization, donor } = gift;
  const { placeIssued, signatory } = organization;
  if (placeIssued === null || signatory === null || donor.address.length === 0) return undefined;
  // Property needs an appraised value, which nobody has stated here.
  if (isProperty(gift) || gift.currency !== 'cad' || !isGift(gift)) return undefined;
  const eligible = eligibleMinor(gift);
  return {
    form: 'canada',
    title: 'Official receipt for income tax purposes',
    property: null,
    deductibleMinor: eligible,
    details: [
      { label: 'Registration number', value: organization.taxId },
      { label: 'Place of issue', value: placeIssued },
      ...(gift.goodsDescription === null
        ? []
        : [
            { label: 'Advantage', value: gift.goodsDescription },
            { label: 'Value of advantage', value: moneyOf(gift, gift.goodsValueMinor) },
          ]),
      { label: 'Eligible amount', value: moneyOf(gift, eligible) },
      { label: 'Authorized signature', value: signatory },
    ],
    statements: ['Canada Revenue Agency: canada.ca/charities-giving'],
  };
}

/**
 * Whether there was an intention to give: an advantage of more than 80% of the gift's value leaves none.
 *
 * Income Tax Act, s. 248(30); Canada Revenue Agency, "Split receipting".
 * @internal Exported for its tests.
 */
export const isGift = (gift: GiftFacts): boolean =>
  gift.goodsValueMinor * 100n <= netMinor(gift) * 80n;

/**
 * The gift less the advantage. An advantage of at most 10% of the gift and at most $75 is too small to
 * count.
 *
 * Income Tax Act, s. 248(31), (32); Canada Revenue Agency, "Split receipting", de minimis rule.
 * @internal Exported for its tests.
 */
export function eligibleMinor(gift: GiftFacts): bigint {
  const { goodsValueMinor: advantage } = gift;
  const net = netMinor(gift);
  return advantage * 10n <= net && advantage <= 7500n ? net : net - advantage;
}
