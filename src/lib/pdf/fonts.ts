import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Weights of the text, as in CSS. */
export type Weight = 400 | 600;

/** One file of a font family: some scripts, or a slice of the Chinese or Korean characters. */
export interface Face {
  name: string;
  file: string;
  ranges: [first: number, last: number][];
  /** The characters that it is used for; undefined: all that it has. */
  only: RegExp | undefined;
}

const require = createRequire(import.meta.url);

// For each character the first family that has it. Together they have the Latin, Cyrillic, Greek,
// Devanagari, Arabic, Hebrew, Chinese, Japanese and Korean scripts. The Korean family is used for
// Hangul alone: the Chinese one names Hangul in its ranges and lacks it, and has better ideographs.
const FAMILIES: [name: string, ranges: string, only?: RegExp][] = [
  ['noto-sans', require.resolve('@fontsource-variable/noto-sans/unicode.json')],
  ['noto-sans-arabic', require.resolve('@fontsource-variable/noto-sans-arabic/unicode.json')],
  ['noto-sans-hebrew', require.resolve('@fontsource-variable/noto-sans-hebrew/unicode.json')],
  [
    'noto-sans-kr',
    require.resolve('@fontsource-variable/noto-sans-kr/unicode.json'),
    /\p{Script=Hangul}/u,
  ],
  ['noto-sans-sc', require.resolve('@fontsource-variable/noto-sans-sc/unicode.json')],
];

/** Printed in place of a character that no font has. */
const UNKNOWN = '\uFFFD';

/**
 * The fonts of PDF documents, each file read once, when a document needs it. The packages have
 * variable fonts as WOFF2, from which static ones are made: PDF has no variable fonts.
 */
export class Fonts {
  readonly #faces: Face[];
  readonly #loaded = new Map<string, Promise<Buffer>>();
  readonly #ofCharacter = new Map<number, Face | undefined>();

  private constructor(faces: Face[]) {
    this.#faces = faces;
  }

  /** Reads which characters the installed fonts have. */
  static async load(): Promise<Fonts> {
    const families = await Promise.all(
      FAMILIES.map(async ([family, path, only]) => {
        const ranges = JSON.parse(await readFile(path, 'utf8')) as Record<string, string>;
        return Object.entries(ranges).map(([slice, text]) => {
          const name = `${family}-${slice.replace(/\W/g, (c) => (c === '-' ? c : ''))}`;
          return {
            name,
            file: join(dirname(path), 'files', `${name}-wght-normal.woff2`),
            ranges: parseRanges(text),
            only,
          };
        });
      }),
    );
    // Within a family the first files have the rarer characters, and Latin letters for them.
    return new Fonts(families.flatMap((faces) => faces.reverse()));
  }

  /** The text with what cannot be printed replaced or left out. */
  printable(text: string): string {
    return [...text.replace(/\s/gu, ' ')]
      .map((character) => {
        if (this.#find(character)) return character;
        return /[\p{Cc}\p{Cf}\p{Mn}\p{Me}]/u.test(character) ? '' : UNKNOWN;
      })
      .join('');
  }

  /**
   * The face of a character of a printable text. Marks and joiners stay in the face of the character
   * before them if that has them, so that they are shaped together.
   */
  faceOf(character: string, before: Face | undefined): Face {
    const codePoint = character.codePointAt(0) ?? 0;
    if (before && /[\p{M}\p{Cf} ]/u.test(character) && covers(before, codePoint)) return before;
    return (this.#find(character) ?? this.#find(UNKNOWN)) as Face;
  }

  /** The bytes of a face in a weight, as TrueType. */
  bytes(face: Face, weight: Weight): Promise<Buffer> {
    const key = `${face.name} ${weight}`;
    const known = this.#loaded.get(key);
    if (known) return known;
    const bytes = instantiate(face.file, weight);
    this.#loaded.set(key, bytes);
    bytes.catch(() => this.#loaded.delete(key));
    return bytes;
  }

  #find(character: string): Face | undefined {
    const codePoint = character.codePointAt(0) ?? 0;
    if (!this.#ofCharacter.has(codePoint))
      this.#ofCharacter.set(
        codePoint,
        codePoint < 0x20
          ? undefined
          : this.#faces.find(
              (face) => covers(face, codePoint) && (face.only?.test(character) ?? true),
            ),
      );
    return this.#ofCharacter.get(codePoint);
  }
}

async function instantiate(file: string, weight: Weight): Promise<Buffer> {
  const { default: subsetFont } = await import('subset-font');
  return subsetFont(await readFile(file), undefined, {
    targetFormat: 'sfnt',
    keepAllGlyphs: true,
    noHinting: true,
    variationAxes: { wght: weight },
  });
}

const covers = ({ ranges }: Face, codePoint: number) =>
  ranges.some(([first, last]) => codePoint >= first && codePoint <= last);

/** Reads ranges as CSS writes them: `U+0000-00FF,U+0131`. */
const parseRanges = (text: string): Face['ranges'] =>
  text.split(',').map((range) => {
    const [first = '', last = first] = range.trim().slice(2).split('-');
    return [Number.parseInt(first, 16), Number.parseInt(last, 16)];
  });
