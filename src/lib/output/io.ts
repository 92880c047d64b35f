import { stripVTControlCharacters, styleText } from 'node:util';

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

const STYLES = { good: 'green', warn: 'yellow', bad: 'red', dim: 'dim', bold: 'bold' } as const;

/** The process's own streams. Colour follows NO_COLOR and FORCE_COLOR (https://no-color.org, https://force-color.org). */
export function processIo(wanted: { color: boolean }): Io {
  const { env, stdin, stdout, stderr } = process;
  const forced = Boolean(env.FORCE_COLOR) && env.FORCE_COLOR !== '0';
  const color = wanted.color && !env.NO_COLOR && (forced || (stdout.isTTY && env.TERM !== 'dumb'));
  return { stdin, stdout, stderr, env, cwd: process.cwd(), color };
}

/** Text in a tone, where colour is wanted. */
export function paint(io: Io, tone: Tone, text: string): string {
  return io.color ? styleText(STYLES[tone], text, { validateStream: false }) : text;
}

/** Says something to the person at the terminal. */
export function say(io: Io, text: string): void {
  // Colour is decided for stdout; stderr may be a file all the same.
  io.stderr.write(`${io.stderr.isTTY ? text : stripVTControlCharacters(text)}\n`);
}

/** Writes data. */
export function print(io: Io, text: string): void {
  io.stdout.write(`${text}\n`);
}

/** Text from outside (providers, donors) made harmless for a terminal: no control characters, one line. */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this removes
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ');
}
