import type { ImportedDonor, TextOf } from './gift.ts';
import { isOrganization, readYesNo } from './words.ts';

const ANONYMOUS = /^(anonymous|anon\.?|not shared by donor|name withheld|anonym)$/i;
/** Whether a name means an anonymous donor. */
export const isAnonymous = (name: string) => ANONYMOUS.test(name);

// The same check as in `donate`.
const EMAIL = /^[^\s@<>"(),;:\\[\]]+@[^\s@.]+(\.[^\s@.]+)+$/;

interface AddressRules {
  /** The organisation's country, for addresses without one. */
  country: string;
  readCountry: (text: string) => string | undefined;
}

/** The donor of a row. */
export interface ReadDonor {
  donor: ImportedDonor;
  anonymous: boolean;
  /** The contact person of an organisation. */
  contact: string | undefined;
}

/** Reads the donor. Adds to `reasons` why the cells name none. */
export function readDonor(
  text: TextOf,
  reasons: string[],
  rules: AddressRules,
): ReadDonor | undefined {
  const type = text('donor_type');
  const organization = text('organization');
  const given = text('first_name');
  const family = text('last_name');
  const whole = text('donor_name');
  const email = text('email')?.replace(/^mailto:/i, '');
  const anonymousWord = text('anonymous');
  const flagged = anonymousWord === undefined ? false : readYesNo(anonymousWord);
  if (flagged === undefined) reasons.push(`anonymous is ${anonymousWord}, neither yes nor no`);
  if (email !== undefined && !EMAIL.test(email)) reasons.push(`${email} is not an e-mail address`);
  const address = readAddress(text, reasons, rules);

  const hidden = [given, family, whole].some((name) => name !== undefined && isAnonymous(name));
  const full = [given, family, text('suffix')].filter(Boolean).join(' ');
  const person = hidden ? '' : full || whole || '';
  const isOrg =
    type === undefined
      ? organization !== undefined
      : isOrganization(type) && !!(organization || person);
  const name = isOrg ? organization || person : person || (hidden ? '' : organization);
  const anonymous = Boolean(flagged) || (!isOrg && hidden);
  const shown = name || (email ?? (anonymous ? 'Anonymous' : undefined));
  if (shown === undefined) {
    if (text('donor_id') === undefined) reasons.push('it does not name the donor');
    else reasons.push('it has the donor’s id but no name');
    return undefined;
  }
  if (!/[\p{L}\p{N}]/u.test(shown)) reasons.push(`donor ${shown} has neither a letter nor a digit`);
  return {
    donor: {
      kind: isOrg ? 'organization' : 'person',
      name: shown,
      givenName: isOrg || hidden ? undefined : given,
      familyName: isOrg || hidden ? undefined : family,
      email,
      ...address,
      sourceId: text('donor_id'),
    },
    anonymous,
    contact: isOrg && organization && person ? person : undefined,
  };
}

function readAddress(
  text: TextOf,
  reasons: string[],
  { country: home, readCountry }: AddressRules,
) {
  const postcode = text('postcode');
  const named = text('country');
  const country = named === undefined ? undefined : readCountry(named);
  if (named !== undefined && country === undefined) reasons.push(`country ${named} is unknown`);
  if (postcode && /^\d{3,4}$/.test(postcode) && (country ?? home) === 'US')
    reasons.push(
      `postcode ${postcode} has lost a zero at its beginning: it should be ${postcode.padStart(5, '0')}`,
    );
  return {
    street: text('street'),
    street2: text('street_2'),
    city: text('city'),
    region: text('state'),
    postcode,
    country,
  };
}
