import type { GiftFacts } from '../facts.ts';
import { officialReceipt } from './canada/official-receipt.ts';

import { plainReceipt } from './plain/receipt.ts';
import { refundReceipt } from './refund/receipt.ts';
import { giftAidReceipt } from './united-kingdom/receipt.ts';
import { writtenAcknowledgment } from './united-states/acknowledgment.ts';
import type { Wording } from './wording.ts';

/** What a receipt of one gift is about. */
export type GiftReceiptKind = 'donation' | 'refund';

/** What a receipt is about; one of each kind may be live for a gift. `annual`: all gifts of a year. */
export type ReceiptKind = GiftReceiptKind | 'annual';

/** The words of a receipt of one gift: by its kind, and by the country of the organisation that issues it. */
export function composeReceipt(kind: GiftReceiptKind, gift: GiftFacts): Wording {
  if (kind === 'refund') return refundReceipt(gift);
  switch (gift.organization.country) {
    case 'US':
      return writtenAcknowledgment(gift);
    case 'CA':
      return officialReceipt(gift) ?? plainReceipt(gift);
    case 'GB':
      return giftAidReceipt(gift);
    default:
      return plainReceipt(gift);
  }
}
