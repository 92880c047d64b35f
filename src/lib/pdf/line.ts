import bidiFactory, { type Bidi } from 'bidi-js';
import type { Face, Fonts } from './fonts.ts';

/** Characters of one direction and one face, in the order in which they are read. */
export interface Run {
  text: string;
  face: Face;
  /** The embedding level of the Unicode Bidirectional Algorithm: odd runs from right to left. */
  level: number;
}

/** A line of text: its runs from left to right, as they are drawn. */
export interface Line {
  runs: Run[];
  width: number;
}

// The package's types describe its module, and not the function that it exports.
const bidi = (bidiFactory as unknown as () => Bidi)();
const words = new Intl.Segmenter('en', { granularity: 'word' });
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/**
 * Breaks a text into lines. Words that are longer than a line are broken anywhere.
 * @param measure the width of a run, in the unit of `width`.
 */
export function breakLines(
  text: string,
  fonts: Fonts,
  width: number,
  measure: (run: Run) => number,
): Line[] {
  const whole = fonts.printable(text).trim();
  const { levels } = bidi.getEmbeddingLevels(whole);
  const widthOf = (start: number, end: number) =>
    runsOf(whole, levels, fonts, start, end).reduce((sum, run) => sum + measure(run), 0);
  const ends = lineEnds(whole, width, widthOf);
  return ends.map((end, i) => {
    const start = i === 0 ? 0 : (ends[i - 1] ?? 0);
    const shown = whole.slice(start, end).trimEnd().length + start;
    const runs = runsOf(whole, levels, fonts, start, shown);
    return {
      runs: inVisualOrder(runs),
      width: runs.reduce((sum, run) => sum + measure(run), 0),
    };
  });
}

/** The faces that a text needs. */
export function facesOf(text: string, fonts: Fonts): Face[] {
  const whole = fonts.printable(text);
  const runs = runsOf(whole, new Uint8Array(whole.length), fonts, 0, whole.length);
  return [...new Set(runs.map(({ face }) => face))];
}

function lineEnds(
  text: string,
  width: number,
  widthOf: (start: number, end: number) => number,
): number[] {
  const ends: number[] = [];
  let start = 0;
  let used = 0;
  const take = (from: number, to: number) => {
    const more = widthOf(from, to);
    // A blank at the end of a line takes no room.
    if (
      used + widthOf(from, from + text.slice(from, to).trimEnd().length) > width &&
      from > start
    ) {
      ends.push(from);
      start = from;
      used = 0;
    }
    used += more;
  };
  for (const [from, to] of pieces(text)) {
    if (widthOf(from, to) <= width) take(from, to);
    else
      for (const { index, segment } of graphemes.segment(text.slice(from, to)))
        take(from + index, from + index + segment.length);
  }
  ends.push(text.length);
  return ends;
}

/** Pieces that are not broken: words, each with the punctuation around it. */
function pieces(text: string): [start: number, end: number][] {
  const found: [number, number][] = [];
  let open = false;
  for (const { index, segment, isWordLike } of words.segment(text)) {
    const end = index + segment.length;
    const last = found.at(-1);
    // Punctuation stays with the word before it, and with the next one unless a blank parts them.
    if (last && (!isWordLike || open)) last[1] = end;
    else found.push([index, end]);
    open = !isWordLike && !/\s$/.test(segment);
  }
  return found;
}

function runsOf(text: string, levels: Uint8Array, fonts: Fonts, start: number, end: number): Run[] {
  const runs: Run[] = [];
  let at = start;
  for (const character of text.slice(start, end)) {
    const level = levels[at] ?? 0;
    const last = runs.at(-1);
    const face = fonts.faceOf(character, last?.face);
    const drawn = level % 2 === 1 ? (bidi.getMirroredCharacter(character) ?? character) : character;
    if (last && last.face === face && last.level === level) last.text += drawn;
    else runs.push({ text: drawn, face, level });
    at += character.length;
  }
  return runs.map(reversedIfNeutral);
}

/** A run from right to left is reversed by the shaper if it has letters, and else here. */
const reversedIfNeutral = (run: Run): Run =>
  run.level % 2 === 0 || /[\p{Script=Arabic}\p{Script=Hebrew}]/u.test(run.text)
    ? run
    : { ...run, text: [...run.text].reverse().join('') };

/** Rule L2 of the Unicode Bidirectional Algorithm, https://www.unicode.org/reports/tr9/#L2 */
function inVisualOrder(runs: Run[]): Run[] {
  const ordered = [...runs];
  const highest = Math.max(0, ...runs.map(({ level }) => level));
  for (let level = highest; level > 0; level--) {
    for (let from = 0; from < ordered.length; from++) {
      let to = from;
      while ((ordered[to]?.level ?? 0) >= level) to++;
      if (to - from > 1) ordered.splice(from, to - from, ...ordered.slice(from, to).reverse());
      from = Math.max(from, to);
    }
  }
  return ordered;
}
