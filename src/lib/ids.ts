import { v7 as uuidv7 } from 'uuid';

/** What each id prefix stands for. */
export const ID_PREFIXES = {
  organization: 'org',
  donor: 'dnr',
  donation: 'don',
  receipt: 'rcp',
  delivery: 'dlv',
  batch: 'bat',
  worker: 'wrk',
  audit: 'aud',
} as const;

export type IdKind = keyof typeof ID_PREFIXES;

const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * A new id: a prefix and a UUIDv7 (RFC 9562) in 26 characters of Crockford's base 32.
 * Ids sort by the time they were made and carry 74 random bits, so they cannot be guessed.
 */
export function newId(kind: IdKind): string {
  const bytes = uuidv7(undefined, new Uint8Array(16));
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  let text = '';
  for (let i = 0; i < 26; i++) {
    text = CROCKFORD[Number(value & 31n)] + text;
    value >>= 5n;
  }
  return `${ID_PREFIXES[kind]}_${text}`;
}

const SHOWN_END = 6;

/** An id as tables show it: `don…740v85`. Its end tells ids of the same minute apart. */
export const shownId = (id: string): string =>
  /^[a-z]{3}_[0-9a-z]{26}$/.test(id) ? `${id.slice(0, 3)}…${id.slice(-SHOWN_END)}` : id;

/**
 * An id as a person gives it, in the form that lookups take: `don…740v85`, as a table shows it,
 * becomes `don_…740v85`. Anything else stays as it is.
 */
export const givenId = (text: string): string =>
  text.trim().replace(/^([a-z]{3})_?(?:…|\.\.\.)(?=[0-9a-z]+$)/, '$1_…');
