import { inspect } from 'node:util';
import { safeLine, safeText } from '../text.ts';

/** Where a command reads, writes and talks. Data goes to stdout, everything said about it to stderr. */
export interface Io {
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** Whether tables may be coloured and fitted. */
  color: boolean;
}

export type Tone = 'good' | 'warn' | 'bad' | 'dim' | 'bold';

const TONES: Tone[] = ['good', 'warn', 'bad', 'dim', 'bold'];
const STYLES = { good: 'green', warn: 'yellow', bad: 'red', dim: 'dim', bold: 'bold' } as const;

// A tone is marked in the text by characters that Unicode reserves for a program's own use
// (U+FDD0…U+FDEF), and becomes a colour code only where the text is written. So every escape
// sequence on a terminal is ours, and everything else can be made safe at that one place.
// https://www.unicode.org/faq/private_use.html#nonchar1
const FIRST_MARK = 0xfdd0;
const mark = (tone: Tone, end: 0 | 1) =>
  String.fromCharCode(FIRST_MARK + 2 * TONES.indexOf(tone) + end);

/** The process's own streams. Colour follows NO_COLOR and FORCE_COLOR (https://no-color.org, https://force-color.org). */
export function processIo(wanted: { color: boolean }): Io {
  const { env, stdin, stdout, stderr } = process;
  const forced = Boolean(env.FORCE_COLOR) && env.FORCE_COLOR !== '0';
  const color = wanted.color && !env.NO_COLOR && (forced || (stdout.isTTY && env.TERM !== 'dumb'));
  return { stdin, stdout, stderr, env, cwd: process.cwd(), color };
}

/** Text in a tone, where colour is wanted. The colour comes when the text is written by `print` or `say`. */
export function paint(io: Io, tone: Tone, text: string): string {
  return io.color ? `${mark(tone, 0)}${text}${mark(tone, 1)}` : text;
}

/** Says something to the person at the terminal. Lines are kept; whatever else is not safe is written out. */
export function say(io: Io, text: string): void {
  // Colour is decided for stdout; stderr may be a file all the same.
  io.stderr.write(`${forPeople(text, io.color && io.stderr.isTTY)}\n`);
}

/** Writes a result for people. Lines are kept; whatever else is not safe is written out. */
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

/** Writes data: into a file or to a program as it is, on a terminal made safe. */
export function printData(io: Io, text: string): void {
  io.stdout.write(`${io.stdout.isTTY ? forPeople(text, false) : text}\n`);
}

/** Asks for a line at the terminal: what `readline` is to show. */
export const promptText = (io: Io, text: string): string => forPeople(text, io.color);

/** A value from outside (a provider's text, a donor's name) as part of a line that is shown. */
export const plain = (text: string): string => safeLine(text);

function forPeople(text: string, color: boolean): string {
  return text
    .split(MARKED)
    .map((piece) =>
      piece.length === 1 && MARKED.test(piece) ? code(piece, color) : safeText(piece),
    )
    .join('');
}

/** The text with its tones as escape sequences, for a layout that knows that those take no room. */
export const withCodes = (text: string): string =>
  text.replace(/[\ufdd0-\ufdd9]/gu, (found) => code(found, true));

/** The text of `withCodes` with its marks again. */
export const withMarks = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences that `withCodes` wrote
  text.replace(/\u001b\[\d+m/g, (found) => MARKS.find((each) => code(each, true) === found) ?? '');

const MARKS = TONES.flatMap((tone) => [mark(tone, 0), mark(tone, 1)]);

const MARKED = /([\ufdd0-\ufdd9])/u;

/** The escape sequence that a mark stands for. */
function code(piece: string, color: boolean): string {
  if (!color) return '';
  const at = piece.charCodeAt(0) - FIRST_MARK;
  const tone = TONES[Math.floor(at / 2)] ?? 'bold';
  return `\u001b[${inspect.colors[STYLES[tone]]?.[at % 2]}m`;
}
