// Characters that take two columns: East Asian wide and full-width letters, and emoji.
// https://www.unicode.org/reports/tr11/ and https://www.unicode.org/reports/tr51/
const WIDE =
  /^(?:\p{Emoji_Presentation}|.\u{FE0F}|[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}])/u;
// Combining marks, which take no column of their own.
const MARK_ONLY = /^\p{M}+$/u;
const PRINTABLE = /^[\x20-\x7e]*$/;

/** The number of terminal columns that a line takes. */
export function textWidth(text: string): number {
  // Fast path: printable ASCII takes one column each.
  if (PRINTABLE.test(text)) return text.length;
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) width += segmentWidth(segment);
  return width;
}

const segmentWidth = (segment: string): number =>
  WIDE.test(segment) ? 2 : MARK_ONLY.test(segment) ? 0 : 1;

/** The text in exactly this width: cut with `more`, or padded with blanks. */
export function fitText(
  text: string,
  width: number,
  { align = 'left', more = '…' }: { align?: 'left' | 'right' | undefined; more?: string } = {},
): string {
  const cut = cutText(text, width, more);
  const blanks = ' '.repeat(Math.max(0, width - textWidth(cut)));
  return align === 'right' ? blanks + cut : cut + blanks;
}

/** The beginning of the text that fits in this width, with `more` at its end if the text is longer. */
export function cutText(text: string, width: number, more = '…'): string {
  if (textWidth(text) <= width) return text;
  let room = width - textWidth(more);
  if (room < 0) return '';
  if (PRINTABLE.test(text)) return text.slice(0, room) + more;
  let cut = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    room -= segmentWidth(segment);
    if (room < 0) break;
    cut += segment;
  }
  return cut + more;
}

/** Words in lines of so many columns at most; a word that is longer is broken. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    let rest = word;
    const joined = line === '' ? rest : `${line} ${rest}`;
    if (textWidth(joined) <= width) {
      line = joined;
      continue;
    }
    if (line !== '') lines.push(line);
    while (textWidth(rest) > width) {
      const piece = cutText(rest, width, '');
      if (piece === '') break;
      lines.push(piece);
      rest = rest.slice(piece.length);
    }
    line = rest;
  }
  lines.push(line);
  return lines;
}
