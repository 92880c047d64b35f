import type { GiftFacts } from '../../facts.ts';
import { dayOf, moneyOf } from '../form.ts';
import { plainReceipt } from '../plain/receipt.ts';
import type { Wording } from '../wording.ts';
import { type GiftAid, judgeGiftAid } from './gift-aid.ts';

const HOW = { written: 'in writing', oral: 'orally', online: 'online' } as const;

/**
 * A receipt of a charity in the United Kingdom. For a gift under Gift Aid it names the declaration that
 * covers the gift and the tax that the charity can claim, and explains that the donor must have paid
 * that much tax. For another gift it says that no Gift Aid is claimed, and why.
 *
 * HMRC, Charities: detailed guidance notes, Chapter 3: Gift Aid, 3.2, 3.5 (tax to cover) and 3.6.
 * https://www.gov.uk/government/publications/charities-detailed-guidance-notes/chapter-3-gift-aid
 */
export function giftAidReceipt(gift: GiftFacts): Wording {
  const plain = plainReceipt(gift);
  const giftAid = judgeGiftAid(gift);
  if ('why' in giftAid)
    return {
      ...plain,
      form: 'united-kingdom',
      statements: [...plain.statements, `We do not claim Gift Aid on this gift: ${giftAid.why}.`],
    };
  return {
    ...plain,
    form: 'united-kingdom',
    deductibleMinor: giftAid.donationMinor,
    details: [...plain.details, ...amounts(gift, giftAid)],
    statements: [...plain.statements, ...declared(gift, giftAid)],
  };
}

type Claim = Exclude<GiftAid, { why: string }>;

const amounts = (gift: GiftFacts, { donationMinor, reliefMinor }: Claim): Wording['details'] => [
  { label: 'Gift Aid donation', value: moneyOf(gift, donationMinor) },
  { label: 'Basic rate tax we can claim', value: moneyOf(gift, reliefMinor) },
  { label: 'Worth with Gift Aid', value: moneyOf(gift, donationMinor + reliefMinor) },
];

const declared = (gift: GiftFacts, { declaration }: Claim): string[] => [
  `Gift Aid: you declared ${HOW[declaration.how]} on ${dayOf(gift, declaration.madeOn)} that we should treat this gift as a Gift Aid donation. We can claim 25p from HM Revenue & Customs for every £1 that you gave.`,
  'You are a UK taxpayer, and understand that if you pay less Income Tax and/or Capital Gains Tax in the tax year of the gift than the amount of Gift Aid claimed on all your donations in that tax year, it is your responsibility to pay any difference.',
  'Please tell us if you want to cancel your declaration, change your name or home address, or no longer pay sufficient tax on your income and/or capital gains.',
];
