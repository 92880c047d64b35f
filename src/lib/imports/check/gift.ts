import type { Field } from '../map/fields.ts';
import type { ImportedMethod } from './words.ts';

/** A cell of the row as text; undefined when it is empty or its fault is already in `reasons`. */
export type TextOf = (field: Field) => string | undefined;
/** A cell as minor units of the row's currency. */
export type MoneyOf = (field: Field) => bigint | undefined;

/** Who gives or is thanked. */
export interface ImportedDonor {
  kind: 'person' | 'organization';
  name: string;
  givenName: string | undefined;
  familyName: string | undefined;
  email: string | undefined;
  street: string | undefined;
  street2: string | undefined;
  city: string | undefined;
  region: string | undefined;
  postcode: string | undefined;
  country: string | undefined;
  /** The source's own id of the donor. */
  sourceId: string | undefined;
}

/** A gift as a row of a file tells it, checked. A row may tell of two: the gift and the employer's match. */
export interface ImportedGift {
  part: 'gift' | 'match';
  amountMinor: bigint;
  currency: string;
  method: ImportedMethod;
  /** Days, `YYYY-MM-DD`. */
  giftOn: string;
  postmarkedOn: string | undefined;
  receivedOn: string;
  depositedOn: string | undefined;
  checkNumber: string | undefined;
  /** They add up to the amount; none: unrestricted. */
  funds: { fund: string; minor: bigint }[];
  campaign: string | undefined;
  appeal: string | undefined;
  donor: ImportedDonor;
  anonymous: boolean;
  softCredit: { name: string; email: string | undefined } | undefined;
  tribute: { kind: 'honor' | 'memory'; name: string } | undefined;
  goods: { minor: bigint; description: string } | undefined;
  inKindDescription: string | undefined;
  note: string | undefined;
  source: string;
  sourceId: string | undefined;
}

/** What became of a row. */
export type CheckedRow =
  | { kind: 'gifts'; gifts: ImportedGift[] }
  /** Not a gift, or not one yet; nothing is wrong. */
  | { kind: 'skipped'; reason: string }
  /** Every reason at once. */
  | { kind: 'rejected'; reasons: string[]; hasCard: boolean };
