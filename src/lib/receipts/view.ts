import type { Money } from '../money.ts';
import type { ReceiptContent } from './content.ts';
import { totalsOf } from './describe.ts';

export interface ViewFormatters {
  money(money: Money, locale: string): string;
  words(money: Money): string;
  date(day: string, locale: string): string;
}

/** What templates may use: everything in words already. Listed for editors in docs/receipts.md. */
export interface ReceiptView {
  /** What the receipt is called: `Donation receipt`. */
  title: string;
  number: string;
  /** The number of the receipt that this one cancels and replaces. */
  replaces: string | null;
  copy: boolean;
  sandbox: boolean;
  organization: { legal_name: string; address: string[]; tax_id: string; email: string };
  donor: { name: string; first_name: string; email: string; address: string[] };
  donation_id: string;
  /** The amount, or what was given where that is no money. */
  amount: string;
  amount_in_words: string | null;
  /** Not stated where property was given. */
  deductible: string | null;
  received_on: string;
  issued_on: string;
  fund: string | null;
  campaign: string | null;
  /** `Visa ending in 4242`. */
  payment_method: string | null;
  /** What else the form of the receipt asks for. */
  details: { label: string; value: string }[];
  statements: string[];
  /** Of a statement: its year, its gifts, and their totals, one for each currency. */
  year: string | null;
  gifts: {
    received_on: string;
    /** The amount, or what was given where that is no money. */
    amount: string;
    deductible: string | null;
    fund: string | null;
    /** What was given in return, and the disclosures about it. */
    note: string | null;
    donation_id: string;
  }[];
  totals: { amount: string; deductible: string }[];
}

/** Puts a receipt's content into words, in the donor's locale. */
export function viewReceipt(
  content: ReceiptContent,
  format: ViewFormatters,
  { copy }: { copy: boolean },
): ReceiptView {
  const { organization, donor, locale, card, statement } = content;
  const money = (minor: string): Money => ({ minor: BigInt(minor), currency: content.currency });
  const inWords = (minor: string | bigint, currency: string) =>
    format.money({ minor: BigInt(minor), currency }, locale);
  return {
    title: content.title,
    number: content.number,
    replaces: content.replaces,
    copy,
    sandbox: content.mode !== 'live',
    organization: {
      legal_name: organization.legalName,
      address: organization.address,
      tax_id: organization.taxId,
      email: organization.email,
    },
    donor: {
      name: oneLine(donor.name),
      first_name: oneLine(donor.name).split(' ')[0] ?? '',
      email: donor.email,
      address: donor.address,
    },
    donation_id: content.donationId,
    amount: content.property ?? format.money(money(content.amountMinor), locale),
    amount_in_words: content.property === null ? format.words(money(content.amountMinor)) : null,
    deductible:
      content.property === null ? format.money(money(content.deductibleMinor), locale) : null,
    received_on: format.date(content.receivedOn, locale),
    issued_on: format.date(content.issuedOn, locale),
    fund: content.fund,
    campaign: content.campaign,
    payment_method: card ? `${brandName(card.brand)} ending in ${card.last4}` : null,
    details: content.details,
    statements: content.statements,
    year: statement ? String(statement.year) : null,
    gifts: (statement?.gifts ?? []).map((gift) => ({
      received_on: format.date(gift.receivedOn, locale),
      amount: gift.property ?? inWords(gift.amountMinor, gift.currency),
      deductible:
        gift.deductibleMinor === null ? null : inWords(gift.deductibleMinor, gift.currency),
      fund: gift.fund,
      note: gift.note,
      donation_id: gift.donationId,
    })),
    totals: (statement ? totalsOf(statement) : []).map((total) => ({
      amount: inWords(total.amountMinor, total.currency),
      deductible: inWords(total.deductibleMinor, total.currency),
    })),
  };
}

// A line break in a name would end the subject's header.
const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim();

const BRANDS: Record<string, string> = {
  amex: 'American Express',
  jcb: 'JCB',
  unionpay: 'UnionPay',
  diners: 'Diners Club',
};

const brandName = (brand: string) =>
  BRANDS[brand] ?? brand.charAt(0).toUpperCase() + brand.slice(1);
