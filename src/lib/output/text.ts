/** A count with its thousands apart: `1,250`. */
export const grouped = (count: number | bigint): string => count.toLocaleString('en-US');

/** A count and what is counted: `1 job`, `1,250 jobs`, `2 entries`. */
export const plural = (count: number | bigint, one: string, many = `${one}s`): string =>
  `${grouped(count)} ${Number(count) === 1 ? one : many}`;

/** With its first letter as a capital. */
export const capital = (word: string): string => `${word[0]?.toUpperCase() ?? ''}${word.slice(1)}`;
