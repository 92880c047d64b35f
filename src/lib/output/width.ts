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

/** The text in exactly this width: cut with `…`, or padded with blanks. */
export function fitText(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const cut = cutText(text, width);
  const blanks = ' '.repeat(Math.max(0, width - textWidth(cut)));
  return align === 'right' ? blanks + cut : cut + blanks;
}

/** The beginning of the text that fits in this width, with `…` if the text is longer. */
export function cutText(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  if (width <= 1) return '…'.slice(0, Math.max(0, width));
  if (PRINTABLE.test(text)) return `${text.slice(0, width - 1)}…`;
  let cut = '';
  let room = width - 1;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    room -= segmentWidth(segment);
    if (room < 0) break;
    cut += segment;
  }
  return `${cut}…`;
}
