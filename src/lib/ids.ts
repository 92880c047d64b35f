import { randomFillSync } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';

/** The kind of each id prefix. */
export const ID_PREFIXES = {
  organization: 'org',
  donor: 'dnr',
  declaration: 'gad',
  donation: 'don',
  receipt: 'rcp',
  delivery: 'dlv',
  batch: 'bat',
  worker: 'wrk',
  audit: 'aud',
  incident: 'inc',
  silence: 'sil',
  alert: 'alt',
} as const;

export type IdKind = keyof typeof ID_PREFIXES;

const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * Makes an id: a prefix and a UUIDv7 (RFC 9562) in 26 characters of Crockford's base 32. Ids sort
 * by time, and contain 74 random bits, so they cannot be guessed.
 */
export function newId(kind: IdKind): string {
  return `${ID_PREFIXES[kind]}_${base32(uuidv7(undefined, new Uint8Array(16)))}`;
}

const POOL = 16 * 1024;

/**
 * Makes ids like `newId`, for millions of them: randomness is fetched in pools, and written in base 32
 * byte by byte.
 */
export function idMaker(kind: IdKind): () => string {
  const pool = new Uint8Array(POOL);
  const bytes = new Uint8Array(16);
  let at = POOL;
  return () => {
    if (at + 10 > POOL) {
      randomFillSync(pool);
      at = 0;
    }
    bytes.set(pool.subarray(at, at + 10), 6);
    at += 10;
    const now = Date.now();
    // RFC 9562, 5.7: 48 bits of milliseconds, then the version and the variant among the random bits.
    for (let i = 0, rest = now; i < 6; i++, rest = Math.floor(rest / 256))
      bytes[5 - i] = rest % 256;
    bytes[6] = ((bytes[6] as number) & 0x0f) | 0x70;
    bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
    return `${ID_PREFIXES[kind]}_${base32(bytes)}`;
  };
}

/** 128 bits in 26 characters, the first of which stands for three bits. */
function base32(bytes: Uint8Array): string {
  let text = '';
  let buffer = 0;
  // Two zero bits before, so that 130 bits are 26 characters.
  let bits = 2;
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += CROCKFORD[(buffer >> bits) & 31];
    }
  }
  return text;
}

const SHOWN_END = 6;

/** An id as tables show it: `don…740v85`. Its end distinguishes ids of the same minute. */
export const shownId = (id: string): string =>
  /^[a-z]{3}_[0-9a-z]{26}$/.test(id) ? `${id.slice(0, 3)}…${id.slice(-SHOWN_END)}` : id;

/**
 * An id as a person gives it, in the form that lookups take: `don…740v85`, as a table shows it,
 * becomes `don_…740v85`. Any other text is returned unchanged.
 */
export const givenId = (text: string): string =>
  text.trim().replace(/^([a-z]{3})_?(?:…|\.\.\.)(?=[0-9a-z]+$)/, '$1_…');
