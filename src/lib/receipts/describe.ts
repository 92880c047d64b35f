import type { ReceiptContent, Statement } from './content.ts';
import type { GiftFacts } from './facts.ts';
import { annualStatement } from './kinds/annual/statement.ts';
import { composeReceipt, type GiftReceiptKind } from './kinds/choose.ts';
import { netMinor } from './kinds/form.ts';

/** What a receipt for a gift says. Its number is filled in when it is taken. */
export function describeGift(
  kind: GiftReceiptKind,
  gift: GiftFacts,
  replaces: string | null,
): ReceiptContent {
  const { deductibleMinor, ...wording } = composeReceipt(kind, gift);
  return {
    ...wording,
    ...parties(gift),
    replaces,
    donationId: gift.id,
    amountMinor: (kind === 'refund' ? gift.refundedMinor : netMinor(gift)).toString(),
    currency: gift.currency,
    deductibleMinor: deductibleMinor.toString(),
    receivedOn: gift.giftOn,
    fund: gift.fund,
    campaign: gift.campaign,
    card: gift.card,
    statement: null,
  };
}

/**
 * What a statement of all gifts of a year says.
 * @param gifts at least one, all of one donor.
 */
export function describeStatement(
  year: number,
  gifts: GiftFacts[],
  replaces: string | null,
): ReceiptContent {
  const first = gifts[0] as GiftFacts;
  const { statement, statements } = annualStatement(year, gifts);
  const [total] = totalsOf(statement);
  return {
    form: 'annual',
    title: `Statement of gifts in ${year}`,
    property: null,
    details: [],
    statements,
    ...parties(first),
    replaces,
    donationId: first.id,
    amountMinor: (total?.amountMinor ?? 0n).toString(),
    currency: total?.currency ?? first.currency,
    deductibleMinor: (total?.deductibleMinor ?? 0n).toString(),
    receivedOn: first.giftOn,
    fund: null,
    campaign: null,
    card: null,
    statement,
  };
}

/**
 * The totals of the money on a statement, one for each currency, in the order of the gifts. The value of
 * property is not stated.
 */
export function totalsOf({
  gifts,
}: Statement): { currency: string; amountMinor: bigint; deductibleMinor: bigint }[] {
  const totals = new Map<string, { amountMinor: bigint; deductibleMinor: bigint }>();
  for (const { currency, property, amountMinor, deductibleMinor } of gifts) {
    if (property !== null) continue;
    const so = totals.get(currency) ?? { amountMinor: 0n, deductibleMinor: 0n };
    totals.set(currency, {
      amountMinor: so.amountMinor + BigInt(amountMinor),
      deductibleMinor: so.deductibleMinor + BigInt(deductibleMinor ?? 0),
    });
  }
  return [...totals].map(([currency, total]) => ({ currency, ...total }));
}

/** Who gives and who issues. */
function parties({ organization, donor, mode, today, locale }: GiftFacts) {
  const { legalName, address, taxId, email, country } = organization;
  const { id, name, email: donorEmail, address: donorAddress } = donor;
  return {
    number: '',
    mode,
    organization: { legalName, address, taxId, email, country },
    donor: { id, name, email: donorEmail ?? '', address: donorAddress },
    issuedOn: today,
    locale,
  };
}
