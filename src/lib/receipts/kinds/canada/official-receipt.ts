import type { GiftFacts } from '../../facts.ts';
import { isProperty, moneyOf } from '../form.ts';
import type { Wording } from '../wording.ts';
import { eligibleMinor, isGift } from './split-receipting.ts';

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
  // Property needs an appraised value, which is not recorded here.
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
