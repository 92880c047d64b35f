/**
 * How alike two names are, from 0 to 1: Jaro–Winkler over the names with their words in order of the
 * alphabet, so that `Lovelace, Ada` is `Ada Lovelace`. A first name that is shortened or an initial,
 * beside an equal last word, counts as 0.95.
 * https://www.census.gov/content/dam/Census/library/working-papers/1991/adrm/rr91-9.pdf
 */
export function likeness(one: string, other: string): number {
  const [a, b] = [wordsOf(one), wordsOf(other)];
  if (a.length === 0 || b.length === 0) return 0;
  const [firstA, firstB] = [a[0] as string, b[0] as string];
  const sameLast = a.length > 1 && b.length > 1 && a.at(-1) === b.at(-1);
  if (sameLast && (firstA.startsWith(firstB) || firstB.startsWith(firstA))) return 0.95;
  return jaroWinkler([...a].sort().join(''), [...b].sort().join(''));
}

const wordsOf = (name: string) =>
  name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '' && !TITLES.has(word));

const TITLES = new Set(['mr', 'mrs', 'ms', 'dr', 'prof', 'rev', 'jr', 'sr', 'herr', 'frau']);

function jaroWinkler(a: string, b: string): number {
  const score = jaro(a, b);
  let prefix = 0;
  while (prefix < 4 && prefix < a.length && a[prefix] === b[prefix]) prefix++;
  return score + prefix * 0.1 * (1 - score);
}

function jaro(a: string, b: string): number {
  if (a === b) return 1;
  const within = Math.max(0, Math.floor(Math.max(a.length, b.length) / 2) - 1);
  const taken = new Array<boolean>(b.length).fill(false);
  const matched: string[] = [];
  for (let i = 0; i < a.length; i++) {
    for (let j = Math.max(0, i - within); j <= Math.min(b.length - 1, i + within); j++) {
      if (taken[j] || a[i] !== b[j]) continue;
      taken[j] = true;
      matched.push(a[i] as string);
      break;
    }
  }
  if (matched.length === 0) return 0;
  let swapped = 0;
  let at = 0;
  for (let j = 0; j < b.length; j++) {
    if (!taken[j]) continue;
    if (matched[at++] !== b[j]) swapped++;
  }
  const m = matched.length;
  return (m / a.length + m / b.length + (m - swapped / 2) / m) / 3;
}
