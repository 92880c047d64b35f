/**
 * Everything that a receipt says, as it was when the receipt was issued. Kept with the receipt, so
 * that a copy years later says the same.
 */
export interface ReceiptContent {
  /** As printed: `2026-000042`. */
  number: string;
  mode: 'sandbox' | 'test' | 'live';
  organization: {
    legalName: string;
    address: string[];
    taxId: string;
    email: string;
    country: string;
  };
  donor: { id: string; name: string; email: string; address: string[] };
  donationId: string;
  /** Minor units, as text: JSON has no exact integers. */
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
  /**
   * Whether anything was given in return: required of gifts from $250 (IRS Publication 1771;
   * 26 U.S.C. 170(f)(8)(B)), and said on every receipt.
   */
  goodsOrServices: string;
  locale: string;
}

/** The version of the sentences and fields; goes up when a receipt of the same gift would read otherwise. */
export const TEMPLATE_VERSION = '1';

/** Content as it comes back from the database; it was checked when it was issued. */
export const parseReceiptContent = (json: unknown) => json as ReceiptContent;
