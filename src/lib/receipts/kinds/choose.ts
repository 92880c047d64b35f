import type { GiftFacts } from '../facts.ts';
import { officialReceipt } from './canada/official-receipt.ts';

import { plainReceipt } from './plain/receipt.ts';
import { refundReceipt } from './refund/receipt.ts';
import { giftAidReceipt } from './united-kingdom/receipt.ts';
import { writtenAcknowledgment } from './united-states/acknowledgment.ts';
import type { Wording } from './wording.ts';

/** What a receipt is about; one of each kind may be live for a gift. */
export type ReceiptKind = 'donation' | 'refund';

/** The words of a receipt: by its kind, and by the country of the organisation that issues it. */
export function composeReceipt(kind: ReceiptKind, gift: GiftFacts): Wording {
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
