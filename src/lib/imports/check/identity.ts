import { hash } from 'node:crypto';
import type { ImportedGift } from './gift.ts';

/**
 * What makes a gift itself, as 128 bits in hexadecimal: the source's own id of it; else what it says,
 * however it is spaced or capitalised. Notes are no part of it.
 */
export function fingerprintOf(gift: ImportedGift): string {
  return hash('md5', gift.sourceId === undefined ? contentOf(gift) : idOf(gift), 'hex');
}

const idOf = ({ source, sourceId, part }: ImportedGift) => `id\0${source}\0${sourceId}\0${part}`;

/** What a gift says, for comparing two that claim to be the same. */
function contentOf(gift: ImportedGift): string {
  const { donor } = gift;
  return `${gift.part}\0${gift.amountMinor}\0${gift.currency}\0${gift.giftOn}\0${gift.method}\0${[
    gift.checkNumber,
    gift.campaign,
    gift.appeal,
    donor.name,
    donor.email,
    donor.postcode,
    donor.street,
    donor.sourceId,
    gift.softCredit?.name,
    gift.tribute?.name,
    ...gift.funds.flatMap(({ fund, minor }) => [fund, String(minor)]),
  ]
    .join('\0')
    .toLowerCase()}`;
}

const FIRST_SLOTS = 1 << 12;
/** The share of used slots at which the table doubles. */
const FULL = 0.75;

/**
 * Counts how often each fingerprint has come, in 16 to 32 bytes each: a map of a million texts would
 * take a hundred times as much. Two fingerprints whose first 64 bits are equal count as one.
 */
export class OccurrenceCounter {
  #high = new Uint32Array(FIRST_SLOTS);
  #low = new Uint32Array(FIRST_SLOTS);
  #count = new Uint32Array(FIRST_SLOTS);
  #used = 0;

  /** The how-manieth of its kind this one is, from 1. */
  next(fingerprint: string): number {
    const high = Number.parseInt(fingerprint.slice(0, 8), 16);
    const low = Number.parseInt(fingerprint.slice(8, 16), 16);
    if (this.#used > this.#count.length * FULL) this.#grow();
    const slot = this.#slotOf(high, low);
    const before = this.#count[slot] as number;
    if (before === 0) {
      this.#high[slot] = high;
      this.#low[slot] = low;
      this.#used++;
    }
    this.#count[slot] = before + 1;
    return before + 1;
  }

  #slotOf(high: number, low: number): number {
    const mask = this.#count.length - 1;
    let slot = low & mask;
    while (this.#count[slot] !== 0 && (this.#high[slot] !== high || this.#low[slot] !== low))
      slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const [high, low, count] = [this.#high, this.#low, this.#count];
    const size = count.length * 2;
    this.#high = new Uint32Array(size);
    this.#low = new Uint32Array(size);
    this.#count = new Uint32Array(size);
    for (let i = 0; i < count.length; i++) {
      if (count[i] === 0) continue;
      const slot = this.#slotOf(high[i] as number, low[i] as number);
      this.#high[slot] = high[i] as number;
      this.#low[slot] = low[i] as number;
      this.#count[slot] = count[i] as number;
    }
  }
}
