import { formatMoney } from '../../money.ts';
import type { GiftFacts } from '../facts.ts';

/** Which rules a receipt follows. */
export type FormName = 'united-states' | 'canada' | 'plain' | 'refund';

/** What a form makes of a gift: the words that are kept with the receipt. */
export interface Wording {
  form: FormName;
  /** What the receipt is called. */
  title: string;
  /** What was given, where that is no money whose amount the receipt states. */
  property: string | null;
  /** In minor units; at most the amount. */
  deductibleMinor: bigint;
  /** What else stands in its table. */
  details: { label: string; value: string }[];
  /** Sentences below the table. */
  statements: string[];
}

/** An amount of the gift's currency in its donor's locale. */
export const moneyOf = ({ currency, locale }: GiftFacts, minor: bigint): string =>
  formatMoney({ minor, currency }, locale);

/** What the donor gave and got back since is not acknowledged. In minor units. */
export const netMinor = ({ amountMinor, refundedMinor }: GiftFacts): bigint =>
  amountMinor - refundedMinor;

/** Whether property was given, and not money. */
export const isProperty = ({ method }: GiftFacts): boolean =>
  method === 'in_kind' || method === 'stock';

/** What was given, in words. */
export const propertyOf = ({ inKindDescription, method }: GiftFacts): string =>
  inKindDescription ?? (method === 'stock' ? 'securities' : 'goods');
