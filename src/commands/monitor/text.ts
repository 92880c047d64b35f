import { plain } from '../../lib/output/io.ts';
import { grouped } from '../../lib/output/text.ts';
import { cutText, textWidth } from '../../lib/output/width.ts';
import type { Span, Theme } from './theme.ts';

/** Text from anywhere as one harmless line in the letters that the terminal has. */
export function clean(text: string, { ascii }: Pick<Theme, 'ascii'>): string {
  const line = plain(text);
  if (!ascii) return line;
  // Letters lose their accents; the other characters have no ASCII form.
  return line
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .replace(/[^\x20-\x7e]/gu, '?');
}

/** The pieces in so many columns at most. */
export function cutSpans(spans: Span[], width: number, more: string): Span[] {
  const kept: Span[] = [];
  let left = width;
  const total = spans.reduce((sum, { text }) => sum + textWidth(text), 0);
  if (total <= width) return spans;
  for (const span of spans) {
    const own = textWidth(span.text);
    // The one that does not fit any more is cut, and the rest is left out.
    if (own >= left) {
      kept.push({ ...span, text: cutText(own === left ? `${span.text} ` : span.text, left, more) });
      break;
    }
    kept.push(span);
    left -= own;
  }
  return kept;
}

export const widthOf = (spans: Span[]) => spans.reduce((sum, { text }) => sum + textWidth(text), 0);

/** `1,234`, `12.3k`, `1.2M`: at most five columns. */
export function compact(value: number): string {
  if (value < 10_000) return grouped(Math.round(value));
  if (value < 1_000_000) return `${(value / 1000).toFixed(value < 100_000 ? 1 : 0)}k`;
  return `${(value / 1_000_000).toFixed(value < 100_000_000 ? 1 : 0)}M`;
}

/** A rate as people read it: `0`, `0.4`, `12`, `1,234`. */
export const rate = (value: number) =>
  value > 0 && value < 10 ? value.toFixed(1).replace(/\.0$/, '') : compact(value);

export const percent = (share: number) =>
  `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)}%`;

/** A word as the shell takes it. */
export const shellWord = (word: string) =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
