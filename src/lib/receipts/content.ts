import type { Wording } from './kinds/wording.ts';

/** One gift in the list of a statement. */
export interface StatementGift {
  donationId: string;
  /** `YYYY-MM-DD` in the organisation's time zone. */
  receivedOn: string;
  /** What was not given back. Minor units, as text. */
  amountMinor: string;
  currency: string;
  /** What was given, where that is no money. */
  property: string | null;
  /** What may be deducted; null where property was given, whose value is not stated. */
  deductibleMinor: string | null;
  fund: string | null;
  /** What was given in return, and the disclosures about it. */
  note: string | null;
}

/** A statement of the gifts of a year. */
export interface Statement {
  year: number;
  gifts: StatementGift[];
}

/**
 * Everything that a receipt says, as it was when the receipt was issued. Kept with the receipt, so
 * that a copy years later says the same.
 */
export interface ReceiptContent extends Omit<Wording, 'deductibleMinor'> {
  /** As printed: `2026-000042`. */
  number: string;
  /** The number of the receipt that this one cancels and replaces. */
  replaces: string | null;
  mode: 'sandbox' | 'test' | 'live';
  organization: {
    legalName: string;
    address: string[];
    taxId: string;
    email: string;
    country: string;
  };
  donor: { id: string; name: string; email: string; address: string[] };
  /** On a statement its first gift. */
  donationId: string;
  /** Of a statement in several currencies the total of the first. Minor units, as text: JSON has no exact integers. */
  amountMinor: string;
  currency: string;
  /** What may be deducted; the whole gift where nothing was given in return. */
  deductibleMinor: string;
  /** `YYYY-MM-DD` in the organisation's time zone. */
  receivedOn: string;
  issuedOn: string;
  fund: string | null;
  campaign: string | null;
  card: { brand: string; last4: string } | null;
  locale: string;
  /** The gifts of a statement; null on a receipt of one gift. */
  statement: Statement | null;
}

/** The version of the sentences and fields; goes up when a receipt of the same gift would read otherwise. */
export const TEMPLATE_VERSION = '1';

/** Content as it comes back from the database; it was checked when it was issued. */
export const parseReceiptContent = (json: unknown) => json as ReceiptContent;
