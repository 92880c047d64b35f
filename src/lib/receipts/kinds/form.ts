import { formatMoney } from '../../money.ts';
import type { GiftFacts } from '../facts.ts';

/** An amount of the gift's currency in its donor's locale. */
export const moneyOf = ({ currency, locale }: GiftFacts, minor: bigint): string =>
  formatMoney({ minor, currency }, locale);

/** A day, `YYYY-MM-DD`, in words of the donor's locale. */
export const dayOf = ({ locale }: GiftFacts, day: string): string =>
  new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }).format(
    new Date(`${day}T00:00:00Z`),
  );

/** What the donor gave and got back since is not acknowledged. In minor units. */
export const netMinor = ({ amountMinor, refundedMinor }: GiftFacts): bigint =>
  amountMinor - refundedMinor;

/** Whether property was given, and not money. */
export const isProperty = ({ method }: GiftFacts): boolean =>
  method === 'in_kind' || method === 'stock';

/** What was given, in words. */
export const propertyOf = ({ inKindDescription, method }: GiftFacts): string =>
  inKindDescription ?? (method === 'stock' ? 'securities' : 'goods');
