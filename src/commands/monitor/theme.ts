import type { Tone } from '../../lib/output/io.ts';

/** What is drawn where the locale has Unicode, and where it has not. */
export interface Glyphs {
  good: string;
  warn: string;
  bad: string;
  paused: string;
  idle: string;
  selected: string;
  marked: string;
  rule: string;
  into: string;
  more: string;
  stale: string;
  up: string;
  down: string;
  left: string;
  right: string;
  enter: string;
  cursor: string;
  between: string;
  /** Eighths of a cell, from none to full. */
  levels: string[];
  full: string;
  empty: string;
}

const UNICODE: Glyphs = {
  good: '●',
  warn: '▲',
  bad: '✕',
  paused: '‖',
  idle: '○',
  selected: '▸',
  marked: '◆',
  rule: '─',
  into: '›',
  more: '…',
  stale: '⚠',
  up: '↑',
  down: '↓',
  left: '←',
  right: '→',
  enter: '⏎',
  cursor: '▲',
  between: '·',
  levels: [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
  full: '█',
  empty: '░',
};

const ASCII: Glyphs = {
  good: '*',
  warn: '!',
  bad: 'x',
  paused: '=',
  idle: 'o',
  selected: '>',
  marked: '+',
  rule: '-',
  into: '>',
  more: '~',
  stale: '!',
  up: 'Up',
  down: 'Dn',
  left: '<-',
  right: '->',
  enter: 'Enter',
  cursor: '^',
  between: '-',
  levels: [' ', '.', '.', ':', ':', '|', '|', '#', '#'],
  full: '#',
  empty: '.',
};

/** How things look on this terminal. */
export interface Theme {
  glyphs: Glyphs;
  /** Nothing beyond ASCII may be written. */
  ascii: boolean;
  color: boolean;
  /** Bold, dim and inverse may be used: not in a text for a pipe. */
  styles: boolean;
  /** What is shown is of the past: no colours, all of it dim. */
  stale: boolean;
}

/** The look for an environment: its locale says whether there is Unicode (POSIX: LC_ALL, LC_CTYPE, LANG). */
export function themeFor(
  env: NodeJS.ProcessEnv,
  { color, styles }: Pick<Theme, 'color' | 'styles'>,
): Theme {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  const ascii = !/utf-?8/i.test(locale);
  return { glyphs: ascii ? ASCII : UNICODE, ascii, color, styles, stale: false };
}

/** A piece of a line. */
export interface Span {
  text: string;
  tone?: Tone | 'accent' | undefined;
  bold?: boolean | undefined;
  inverse?: boolean | undefined;
}

/** Of the sixteen colours that every terminal has. */
export const COLORS = {
  good: 'green',
  warn: 'yellow',
  bad: 'red',
  accent: 'cyan',
} as const;
