// Drawn two columns wide: East Asian wide and full-width letters, and emoji.
// https://www.unicode.org/reports/tr11/ and https://www.unicode.org/reports/tr51/
const WIDE =
  /^(?:\p{Emoji_Presentation}|.\u{FE0F}|[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}])/u;

/** How many columns of a terminal a line of text takes. */
export function textWidth(text: string): number {
  // Mostly it is printable ASCII, which needs no more.
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}
