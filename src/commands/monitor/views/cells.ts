import type { Tone } from '../../../lib/output/io.ts';
import { lookOf } from '../../../lib/output/status.ts';
import { formatDuration } from '../../../lib/output/time.ts';
import { compact } from '../text.ts';
import type { Span, Theme } from '../theme.ts';

/** Shown in place of a past number that is not recorded. */
export const NOT_KNOWN = '?';

export const count = (value: number | null, tone?: Span['tone'], more = false): Span =>
  value === null || value === 0
    ? { text: value === null ? NOT_KNOWN : '0', tone: 'dim' }
    : { text: `${compact(value)}${more ? '+' : ''}`, tone: tone ?? undefined };

/** The end of an id distinguishes ids of the same minute. */
export const shortId = (id: string) => (id.length > 12 ? `${id.slice(0, 4)}…${id.slice(-6)}` : id);

export const ago = (at: Date | string, now: number) => {
  const ms = now - (typeof at === 'string' ? Date.parse(at) : at.getTime());
  return formatDuration(Math.max(0, ms));
};

/** The colours of tasks, which only the monitor shows. */
const TASK_LOOKS: Record<string, [glyph: string, tone: Tone]> = {
  slow: ['▲', 'warn'],
  failing: ['✕', 'bad'],
  'circuit open': ['✕', 'bad'],
  refused: ['✕', 'bad'],
  idle: ['○', 'dim'],
};

const PLAIN_GLYPHS: Record<string, string> = {
  '●': '*',
  '▶': '>',
  '◷': 'o',
  '▲': '!',
  '✕': 'x',
  '‖': '=',
  '○': 'o',
  '·': '-',
};

/** A state as it is shown with the glyphs of this terminal. */
export function stateLook(
  state: string,
  { ascii }: Theme,
): { glyph: string; tone: Tone; word: string } {
  const own = TASK_LOOKS[state];
  const look = own ? { glyph: own[0], tone: own[1], word: state } : lookOf(state);
  return ascii ? { ...look, glyph: PLAIN_GLYPHS[look.glyph] ?? '-' } : look;
}

export function stateSpan(state: string, theme: Theme): Span {
  const { glyph, tone, word } = stateLook(state, theme);
  return { text: `${glyph} ${word}`, tone };
}

export const dimZero = (value: number): Span['tone'] => (value === 0 ? 'dim' : undefined);

export const timeOf = (at: string | Date) => {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
};

export const clockOf = (ms: number) => {
  const date = new Date(ms);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
};

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** A time of day, with the day if it is not today: `14:30`, `28 Nov 14:30`. */
export function momentOf(at: string | Date, now: number): string {
  const date = new Date(at);
  const time = clockOf(date.getTime());
  if (date.toDateString() === new Date(now).toDateString()) return time;
  return `${date.getDate()} ${MONTHS[date.getMonth()]} ${time}`;
}
