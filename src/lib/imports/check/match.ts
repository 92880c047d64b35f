import type { ReadDonor } from './donor.ts';
import type { ImportedGift } from './gift.ts';

/** The employer's matching gift. The first donor gets the soft credit. */
export function matchOf(
  amountMinor: bigint,
  organization: string,
  common: Omit<
    ImportedGift,
    | 'part'
    | 'amountMinor'
    | 'method'
    | 'funds'
    | 'donor'
    | 'anonymous'
    | 'softCredit'
    | 'tribute'
    | 'goods'
  >,
  { donor, anonymous }: ReadDonor,
): ImportedGift {
  return {
    ...common,
    part: 'match',
    amountMinor,
    method: 'matching',
    checkNumber: undefined,
    inKindDescription: undefined,
    funds: [],
    donor: {
      kind: 'organization',
      name: organization,
      givenName: undefined,
      familyName: undefined,
      email: undefined,
      street: undefined,
      street2: undefined,
      city: undefined,
      region: undefined,
      postcode: undefined,
      country: undefined,
      sourceId: undefined,
    },
    anonymous: false,
    softCredit: anonymous ? undefined : { name: donor.name, email: donor.email },
    tribute: undefined,
    goods: undefined,
  };
}
