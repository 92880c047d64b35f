import type { GiftFacts } from '../../facts.ts';
import { netMinor } from '../form.ts';

/**
 * Whether there was an intention to give: an advantage of more than 80% of the gift's value leaves none.
 *
 * Income Tax Act, s. 248(30); Canada Revenue Agency, "Split receipting".
 */
export const isGift = (gift: GiftFacts): boolean =>
  gift.goodsValueMinor * 100n <= netMinor(gift) * 80n;

/**
 * The gift less the advantage. An advantage of at most 10% of the gift and at most $75 is too small to
 * count.
 *
 * Income Tax Act, s. 248(31), (32); Canada Revenue Agency, "Split receipting", de minimis rule.
 */
export function eligibleMinor(gift: GiftFacts): bigint {
  const { goodsValueMinor: advantage } = gift;
  const net = netMinor(gift);
  return advantage * 10n <= net && advantage <= 7500n ? net : net - advantage;
}
