import { readXml } from './xml.ts';

const PAGE = 1024;

/**
 * The texts of a workbook, which its cells refer to by number: as UTF-8 one after another, in a tenth of
 * the memory that an array of them takes.
 */
export class SharedStrings {
  readonly #pages: { bytes: Buffer; starts: Uint32Array }[] = [];
  #texts: string[] = [];

  add(text: string): void {
    this.#texts.push(text);
    if (this.#texts.length === PAGE) this.#endPage();
  }

  /** The text of this number, from 0. */
  at(index: number): string | undefined {
    const page = this.#pages[Math.floor(index / PAGE)];
    const place = index % PAGE;
    if (page) return page.bytes.toString('utf8', page.starts[place], page.starts[place + 1]);
    return this.#texts[index - this.#pages.length * PAGE];
  }

  #endPage(): void {
    const starts = new Uint32Array(PAGE + 1);
    let length = 0;
    this.#texts.forEach((text, i) => {
      length += Buffer.byteLength(text);
      starts[i + 1] = length;
    });
    this.#pages.push({ bytes: Buffer.from(this.#texts.join('')), starts });
    this.#texts = [];
  }
}

/** Reads `sharedStrings.xml`: ECMA-376 Part 1, 18.4.8 and 18.4.9. Formats within a text are ignored. */
export async function readSharedStrings(bytes: AsyncIterable<Buffer>): Promise<SharedStrings> {
  const strings = new SharedStrings();
  let text = '';
  let isText = false;
  // Phonetic readings of Japanese texts are not part of the text.
  let isReading = false;
  const reading = readXml(bytes, {
    open(name) {
      if (name === 'si') text = '';
      else if (name === 't') isText = !isReading;
      else if (name === 'rPh') isReading = true;
    },
    text(part) {
      if (isText) text += part;
    },
    close(name) {
      if (name === 't') isText = false;
      else if (name === 'rPh') isReading = false;
      else if (name === 'si') strings.add(unescapeText(text));
    },
  });
  for await (const _ of reading);
  return strings;
}

/** `_x000D_` is a character that XML cannot hold: ECMA-376 Part 1, 22.9.2.19 (ST_Xstring). */
export const unescapeText = (text: string): string =>
  text.includes('_x')
    ? text.replace(/_x([0-9A-Fa-f]{4})_/g, (_, code) =>
        String.fromCharCode(Number.parseInt(code, 16)),
      )
    : text;
