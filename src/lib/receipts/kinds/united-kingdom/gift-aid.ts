import { covers, type Declaration } from '../../../donors/declaration.ts';
import type { GiftFacts } from '../../facts.ts';
import { isProperty, netMinor } from '../form.ts';

/** What a charity can claim for a gift, or why it cannot. */
export type GiftAid =
  | {
      declaration: Declaration;
      /** What was given and not given back. Pence. */
      donationMinor: bigint;
      /** The basic rate tax on it. Pence. */
      reliefMinor: bigint;
    }
  | { why: string };

/** From this day on the rules below apply. Earlier gifts can no longer be claimed for. */
const SINCE = '2019-04-06';

/**
 * Judges a gift: it is a payment of money in pounds by an individual, a declaration of the donor covers
 * its day, and what the donor got for it is within the limits. A donation counts as made after basic
 * rate tax (20 %), so the claim is 25p for every £1.
 *
 * HMRC, Charities: detailed guidance notes, Chapter 3: Gift Aid: 3.2 (conditions), 3.3 (individuals),
 * 3.4 (methods of donation), 3.6 (declarations), 3.20 to 3.22 (limits of benefits);
 * Income Tax Act 2007, s. 413 to 430.
 * https://www.gov.uk/government/publications/charities-detailed-guidance-notes/chapter-3-gift-aid
 */
export function judgeGiftAid(gift: GiftFacts): GiftAid {
  const why = whyNotEligible(gift);
  if (why) return { why };
  const declaration = gift.declarations.findLast((each) => covers(each, gift.giftOn));
  if (!declaration) return { why: 'no declaration covers it' };
  const donationMinor = netMinor(gift);
  return { declaration, donationMinor, reliefMinor: donationMinor / 4n };
}

function whyNotEligible(gift: GiftFacts): string | undefined {
  const { method, donor, currency, giftOn } = gift;
  if (isProperty(gift) || method === 'crypto') return 'it is not a gift of money';
  if (method === 'daf') return 'it comes from a donor-advised fund';
  if (method === 'matching') return 'it comes from an employer';
  if (donor.kind !== 'person') return 'the donor is not an individual';
  if (currency !== 'gbp') return 'it is not in pounds';
  if (giftOn < SINCE) return 'it was given before 6 April 2019';
  if (netMinor(gift) <= 0n) return 'it was given back';
  if (gift.goodsValueMinor > benefitLimitMinor(netMinor(gift)))
    return 'what was given in return is worth more than the limit';
  if (gift.goodsValueMinor > 0n && benefitsOfYear(gift) > AGGREGATE_LIMIT_MINOR)
    return 'what was given in return in the tax year is worth more than £2,500';
  return undefined;
}

/** The most that the benefits of a donor in a tax year may be worth. Pence. */
const AGGREGATE_LIMIT_MINOR = 250_000n;
const FIRST_MINOR = 10_000n;

/**
 * The most that benefits for a donation may be worth: 25 % of the first £100 and 5 % of the rest, at most
 * £2,500. In pence.
 *
 * HMRC, Chapter 3: Gift Aid, 3.21 (the relevant value test), 3.22 (the aggregate value test);
 * Income Tax Act 2007, s. 418.
 * @internal Exported for its tests.
 */
export function benefitLimitMinor(donationMinor: bigint): bigint {
  const first = donationMinor < FIRST_MINOR ? donationMinor : FIRST_MINOR;
  const limit = first / 4n + (donationMinor - first) / 20n;
  return limit < AGGREGATE_LIMIT_MINOR ? limit : AGGREGATE_LIMIT_MINOR;
}

const benefitsOfYear = ({ goodsValueMinor, otherBenefitsMinor }: GiftFacts): bigint =>
  goodsValueMinor + otherBenefitsMinor;
