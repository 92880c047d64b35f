import PDFDocument from 'pdfkit';
import type { Face, Fonts, Weight } from './fonts.ts';
import { breakLines, facesOf, type Line, type Run } from './line.ts';

export interface TextStyle {
  /** In points. */
  size: number;
  weight?: Weight;
  color?: string;
  align?: 'left' | 'right';
}

/** A text in a part of the width, from its left edge. In points. */
export interface Cell {
  text: string;
  x: number;
  width: number;
  style: TextStyle;
}

type Step = { row: Cell[] } | { space: number } | { rule: string } | 'page';

const MARGIN = 56;
const A4: [width: number, height: number] = [595.28, 841.89];
/** The width of the text of a page, in points. */
export const TEXT_WIDTH = A4[0] - 2 * MARGIN;
const LEADING = 1.45;
const INK = '#20302c';
// With an own list of features, pdfkit shapes a run as a whole. Otherwise it shapes word by word,
// and puts the words of a right-to-left run in the wrong order.
const SHAPING = { lineBreak: false, features: [] };

/** A document that is described from top to bottom, and then drawn on A4 pages. */
export class PdfWriter {
  readonly #steps: Step[] = [];

  /** Begins a new page. */
  page(): void {
    this.#steps.push('page');
  }

  /** Leaves a gap. In points. */
  space(points: number): void {
    this.#steps.push({ space: points });
  }

  /** Draws a line over the whole width. */
  rule(color: string): void {
    this.#steps.push({ rule: color });
  }

  /** Writes a paragraph over the whole width. */
  paragraph(text: string, style: TextStyle): void {
    this.row([{ text, x: 0, width: TEXT_WIDTH, style }]);
  }

  /** Writes texts side by side; the longest decides the height. A row may go on on the next page. */
  row(cells: Cell[]): void {
    this.#steps.push({ row: cells });
  }

  /**
   * Draws the document. The same description gives the same bytes.
   * @param at the date that the document states as its own.
   */
  async draw(
    fonts: Fonts,
    { title, author, at }: { title: string; author: string; at: Date },
  ): Promise<Buffer> {
    const pdf = new PDFDocument({
      size: A4,
      margin: MARGIN,
      // pdfkit's default font would be read from the disk for nothing.
      font: null as unknown as string,
      lang: 'en',
      displayTitle: true,
      info: { Title: title, Author: author, CreationDate: at },
    });
    const chunks: Buffer[] = [];
    pdf.on('data', (chunk: Buffer) => chunks.push(chunk));
    const ended = new Promise((resolve) => pdf.once('end', resolve));
    await this.#register(pdf, fonts);
    const pen = new Pen(pdf, fonts);
    for (const step of this.#steps) {
      if (step === 'page') pdf.addPage();
      else if ('space' in step) pdf.y += step.space;
      else if ('rule' in step) pen.rule(step.rule);
      else pen.row(step.row);
    }
    pdf.end();
    await ended;
    return Buffer.concat(chunks);
  }

  async #register(pdf: PDFKit.PDFDocument, fonts: Fonts): Promise<void> {
    const needed = new Map<string, [Face, Weight]>();
    for (const step of this.#steps) {
      if (typeof step === 'string' || !('row' in step)) continue;
      for (const { text, style } of step.row)
        for (const face of facesOf(text, fonts)) {
          const weight = style.weight ?? 400;
          needed.set(fontName(face, weight), [face, weight]);
        }
    }
    for (const [name, [face, weight]] of needed)
      pdf.registerFont(name, await fonts.bytes(face, weight));
  }
}

const fontName = ({ name }: Face, weight: Weight) => `${name} ${weight}`;

class Pen {
  readonly #pdf: PDFKit.PDFDocument;
  readonly #fonts: Fonts;
  readonly #widths = new Map<string, number>();

  constructor(pdf: PDFKit.PDFDocument, fonts: Fonts) {
    this.#pdf = pdf;
    this.#fonts = fonts;
  }

  row(cells: Cell[]): void {
    const broken = cells.map(({ text, width, style }) =>
      text
        .split('\n')
        .flatMap((part) =>
          breakLines(part, this.#fonts, width, (run) => this.#measure(run, style)),
        ),
    );
    const height = LEADING * Math.max(...cells.map(({ style }) => style.size));
    const lines = Math.max(...broken.map(({ length }) => length));
    for (let i = 0; i < lines; i++) {
      this.#makeRoom(height);
      cells.forEach((cell, c) => {
        const line = broken[c]?.[i];
        if (line) this.#draw(line, cell);
      });
      this.#pdf.y += height;
    }
  }

  rule(color: string): void {
    this.#makeRoom(2);
    const { y } = this.#pdf;
    this.#pdf
      .moveTo(MARGIN, y)
      .lineTo(MARGIN + TEXT_WIDTH, y)
      .lineWidth(0.7)
      .stroke(color);
  }

  #makeRoom(height: number): void {
    if (this.#pdf.y + height > this.#pdf.page.height - MARGIN) this.#pdf.addPage();
  }

  /** The width of a run, in points. */
  #measure(run: Run, style: TextStyle): number {
    const key = `${fontName(run.face, style.weight ?? 400)} ${style.size} ${run.text}`;
    const known = this.#widths.get(key);
    if (known !== undefined) return known;
    const width = this.#use(run, style).widthOfString(run.text, SHAPING);
    this.#widths.set(key, width);
    return width;
  }

  #draw(line: Line, { x: left, width, style }: Cell): void {
    const { y } = this.#pdf;
    let x = MARGIN + left + (style.align === 'right' ? width - line.width : 0);
    for (const run of line.runs) {
      this.#use(run, style)
        .fillColor(style.color ?? INK)
        .text(run.text, x, y + style.size, { ...SHAPING, baseline: 'alphabetic' });
      x += this.#measure(run, style);
    }
    this.#pdf.y = y;
  }

  #use({ face }: Run, { size, weight = 400 }: TextStyle): PDFKit.PDFDocument {
    return this.#pdf.font(fontName(face, weight)).fontSize(size);
  }
}
