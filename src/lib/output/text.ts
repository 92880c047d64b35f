/** A number with thousands separators: `1,250`. */
export const grouped = (count: number | bigint): string => count.toLocaleString('en-US');

/** A number with its noun: `1 job`, `1,250 jobs`, `2 entries`. */
export const plural = (count: number | bigint, one: string, many = `${one}s`): string =>
  `${grouped(count)} ${Number(count) === 1 ? one : many}`;

/** The word with a capital first letter. */
export const capital = (word: string): string => `${word[0]?.toUpperCase() ?? ''}${word.slice(1)}`;
