import type { Declaration } from '../../src/lib/donors/declaration.ts';
import type { GiftFacts } from '../../src/lib/receipts/facts.ts';

/** A Gift Aid declaration that covers the gift of `giftFacts`. */
export const declaration = (rest: Partial<Declaration> = {}): Declaration => ({
  id: 'gad_1',
  madeOn: '2026-05-01',
  how: 'online',
  coversFrom: '2026-05-01',
  coversTo: null,
  confirmedOn: null,
  withdrawnOn: null,
  ...rest,
});

const CURRENCIES: Record<string, string> = { CA: 'cad', GB: 'gbp' };

/** The facts of a gift by check, given to an organisation of a country. */
export const giftFacts = (rest: Partial<GiftFacts> = {}, country = 'US'): GiftFacts => ({
  id: 'don_01jd2x',
  status: 'succeeded',
  method: 'check',
  amountMinor: 25_000n,
  refundedMinor: 0n,
  goodsValueMinor: 0n,
  goodsDescription: null,
  inKindDescription: null,
  currency: CURRENCIES[country] ?? 'usd',
  giftOn: '2026-11-23',
  receivedOn: '2026-11-23',
  today: '2026-11-25',
  fund: null,
  campaign: null,
  card: null,
  locale: 'en-US',
  donor: {
    id: 'dnr_1',
    kind: 'person',
    name: 'Ada Lovelace',
    email: 'ada@example.org',
    address: ['1 Analytical Way', 'London'],
    mayBeMailed: true,
  },
  declarations: [],
  otherBenefitsMinor: 0n,
  organization: {
    id: 'org_1',
    version: 1,
    legalName: 'Harbor Lights Foundation',
    address: ['12 Quay Street', 'Portland, ME 04101', 'USA'],
    taxId: country === 'CA' ? '12345 6789 RR0001' : '01-2345678',
    email: 'giving@harborlights.example',
    country,
    locale: 'en-US',
    timeZone: 'UTC',
    receiptSeries: null,
    noGoodsStatement: 'No goods or services were provided in exchange for this contribution.',
    placeIssued: 'Halifax',
    signatory: 'Grace Hopper',
  },
  mode: 'live',
  ...rest,
});
