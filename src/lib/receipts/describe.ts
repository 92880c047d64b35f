import type { ReceiptContent } from './content.ts';
import type { GiftFacts } from './facts.ts';
import { composeReceipt, type ReceiptKind } from './kinds/choose.ts';
import { netMinor } from './kinds/form.ts';

/** What a receipt for a gift says. Its number is filled in when it is taken. */
export function describeGift(
  kind: ReceiptKind,
  gift: GiftFacts,
  replaces: string | null,
): ReceiptContent {
  const { legalName, address, taxId, email, country } = gift.organization;
  const { id, name, email: donorEmail, address: donorAddress } = gift.donor;
  const { deductibleMinor, ...wording } = composeReceipt(kind, gift);
  return {
    ...wording,
    number: '',
    replaces,
    mode: gift.mode,
    organization: { legalName, address, taxId, email, country },
    donor: { id, name, email: donorEmail ?? '', address: donorAddress },
    donationId: gift.id,
    amountMinor: (kind === 'refund' ? gift.refundedMinor : netMinor(gift)).toString(),
    currency: gift.currency,
    deductibleMinor: deductibleMinor.toString(),
    receivedOn: gift.giftOn,
    issuedOn: gift.today,
    fund: gift.fund,
    campaign: gift.campaign,
    card: gift.card,
    locale: gift.locale,
  };
}
