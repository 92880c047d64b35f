import { inspect } from 'node:util';
import { safeLine, safeText } from '../text.ts';

/** The streams of a command. Data goes to stdout, messages go to stderr. */
export interface Io {
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** Whether tables may have colours and fit the terminal's width. */
  color: boolean;
}

export type Tone = 'good' | 'warn' | 'bad' | 'dim' | 'bold';

const TONES: Tone[] = ['good', 'warn', 'bad', 'dim', 'bold'];
const STYLES = { good: 'green', warn: 'yellow', bad: 'red', dim: 'dim', bold: 'bold' } as const;

// A tone is marked in the text by characters that Unicode reserves for internal use
// (U+FDD0…U+FDEF). It becomes a colour code only when the text is written. So every escape sequence
// on a terminal is ours, and all other text is made safe in one place.
// https://www.unicode.org/faq/private_use.html#nonchar1
const FIRST_MARK = 0xfdd0;
const mark = (tone: Tone, end: 0 | 1) =>
  String.fromCharCode(FIRST_MARK + 2 * TONES.indexOf(tone) + end);

/**
 * The streams of the process. Colour follows NO_COLOR and FORCE_COLOR (https://no-color.org,
 * https://force-color.org).
 */
export function processIo(wanted: { color: boolean }): Io {
  const { env, stdin, stdout, stderr } = process;
  const forced = Boolean(env.FORCE_COLOR) && env.FORCE_COLOR !== '0';
  const color = wanted.color && !env.NO_COLOR && (forced || (stdout.isTTY && env.TERM !== 'dumb'));
  return { stdin, stdout, stderr, env, cwd: process.cwd(), color };
}

/** Text in a tone, if colour is wanted. `print` and `say` turn it into colour codes. */
export function paint(io: Io, tone: Tone, text: string): string {
  return io.color ? `${mark(tone, 0)}${text}${mark(tone, 1)}` : text;
}

/** Writes a message to stderr. Line breaks are kept; other unsafe characters are escaped. */
export function say(io: Io, text: string): void {
  // Colour is decided for stdout; stderr may still be a file.
  io.stderr.write(`${forPeople(text, io.color && io.stderr.isTTY)}\n`);
}

/**
 * Writes a result for people to stdout. Line breaks are kept; other unsafe characters are escaped.
 */
export function print(io: Io, text: string): void {
  io.stdout.write(`${forPeople(text, io.color)}\n`);
}

/** Draws lines over what stands on the terminal, as many as it has room for. They were made safe by `print` and `say`. */
export function redraw({ stdout }: Io, text: string): void {
  const lines = text
    .trimEnd()
    .split('\n')
    .slice(0, (stdout.rows || 24) - 1);
  // To the first line; each line to its end; the rest of the screen.
  const drawn = lines.map((line) => `${line}\u001b[K\n`).join('');
  stdout.write(`\u001b[H${drawn}\u001b[J`);
}

/** Writes data: unchanged into a file or to a program, made safe on a terminal. */
export function printData(io: Io, text: string): void {
  io.stdout.write(`${io.stdout.isTTY ? forPeople(text, false) : text}\n`);
}

/** A prompt for `readline`, made safe. */
export const promptText = (io: Io, text: string): string => forPeople(text, io.color);

/** Makes a value from outside (a provider's text, a donor's name) safe as a part of a line. */
export const plain = (text: string): string => safeLine(text);

function forPeople(text: string, color: boolean): string {
  return text
    .split(MARKED)
    .map((piece) =>
      piece.length === 1 && MARKED.test(piece) ? code(piece, color) : safeText(piece),
    )
    .join('');
}

/** Converts tones to escape sequences, for a table layout that gives these no width. */
export const withCodes = (text: string): string =>
  text.replace(/[\ufdd0-\ufdd9]/gu, (found) => code(found, true));

/** Converts the escape sequences of `withCodes` back to marks. */
export const withMarks = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences that `withCodes` wrote
  text.replace(/\u001b\[\d+m/g, (found) => MARKS.find((each) => code(each, true) === found) ?? '');

const MARKS = TONES.flatMap((tone) => [mark(tone, 0), mark(tone, 1)]);

const MARKED = /([\ufdd0-\ufdd9])/u;

/** The escape sequence of a mark. */
function code(piece: string, color: boolean): string {
  if (!color) return '';
  const at = piece.charCodeAt(0) - FIRST_MARK;
  const tone = TONES[Math.floor(at / 2)] ?? 'bold';
  return `\u001b[${inspect.colors[STYLES[tone]]?.[at % 2]}m`;
}
