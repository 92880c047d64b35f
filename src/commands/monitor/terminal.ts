import { EventEmitter } from 'node:events';
import { writeSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { textWidth } from '../../lib/output/width.ts';

const ESC = '\u001B[';
// https://invisible-island.net/xterm/ctlseqs/ctlseqs.html
const ENTER = `${ESC}?1049h${ESC}?25l${ESC}?7l${ESC}?2004h${ESC}2J`;
const LEAVE = `${ESC}?2004l${ESC}?7h${ESC}0m${ESC}?25h${ESC}?1049l`;
// Terminals that know it show a frame at once: https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036
const BEGIN = `${ESC}?2026h`;
const END = `${ESC}?2026l`;

/** At most so many frames a second. */
const FRAME_MS = 100;
/** At most so many bytes a second, over a slow line too; a frame that writes much delays the next. */
const BYTES_PER_SECOND = 64_000;

export interface TerminalOptions {
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  onResize: (size: { columns: number; rows: number }) => void;
}

/**
 * The terminal, and all that is done to it: the alternate screen, its size, what is written, and its
 * state as it was before whenever the monitor ends or is suspended.
 *
 * Ink draws whole frames into `frames`, not to the terminal: of each only the lines that changed are
 * written, at places given by their number. So a frame may be as high as the screen, and Ink's own
 * ways of erasing (which clear the screen or leave lines behind) never come into it.
 */
export class Terminal {
  /** Where Ink writes its frames. */
  readonly frames: NodeJS.WriteStream;
  bytesWritten = 0;
  readonly #options: TerminalOptions;
  #shown: string[] = [];
  #active = false;
  #readyAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #render: (() => void) | undefined;

  constructor(options: TerminalOptions) {
    this.#options = options;
    this.frames = frameStream((frame) => this.#paint(frame), this.size());
  }

  size(): { columns: number; rows: number } {
    const { columns, rows } = this.#options.stdout;
    return { columns: columns || 80, rows: rows || 24 };
  }

  /** Takes the screen. */
  enter(): void {
    const { stdout } = this.#options;
    process.on('exit', this.#restoreAtExit);
    process.prependListener('uncaughtException', this.#restoreAtExit);
    process.on('SIGTSTP', this.#suspended);
    stdout.on('resize', this.#resized);
    this.#take();
  }

  /** Gives it back as it was. */
  leave(): void {
    const { stdout } = this.#options;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#restore();
    process.off('exit', this.#restoreAtExit);
    process.off('uncaughtException', this.#restoreAtExit);
    process.off('SIGTSTP', this.#suspended);
    stdout.off('resize', this.#resized);
  }

  /** Draws soon: at once if the last frame is long enough ago, together with what comes until then. */
  draw(render: () => void): void {
    this.#render = render;
    if (this.#timer || !this.#active) return;
    const wait = this.#readyAt - performance.now();
    if (wait <= 0) this.#drawNow();
    else this.#timer = setTimeout(() => this.#drawNow(), wait);
  }

  /** The next frame is written whole. */
  forget(): void {
    this.#shown = [];
    if (this.#active) this.#write(`${ESC}2J`);
  }

  /** To the shell, as Ctrl-Z does; comes back with `fg`. */
  suspend(): void {
    const { stdin } = this.#options;
    this.#restore();
    stdin.setRawMode?.(false);
    process.off('SIGTSTP', this.#suspended);
    process.once('SIGCONT', () => {
      process.on('SIGTSTP', this.#suspended);
      stdin.setRawMode?.(true);
      this.#take();
      this.#resized();
    });
    // The whole foreground group, as the terminal would do it: the process that started us waits in it.
    process.kill(0, 'SIGTSTP');
  }

  /** Writes what is no part of a frame: for the clipboard. */
  send(sequence: string): void {
    this.#write(sequence);
  }

  readonly #suspended = () => this.suspend();
  readonly #restoreAtExit = () => this.#restore();
  readonly #resized = () => {
    const size = this.size();
    Object.assign(this.frames, size);
    // Whatever the terminal has made of the old lines is cleared first.
    this.forget();
    this.#options.onResize(size);
  };

  #take(): void {
    this.#active = true;
    this.#shown = [];
    this.#write(ENTER);
  }

  #restore(): void {
    if (!this.#active) return;
    this.#active = false;
    const { fd } = this.#options.stdout as unknown as { fd?: number };
    try {
      // At once, since the process may be about to end.
      if (fd === undefined) this.#options.stdout.write(LEAVE);
      else writeSync(fd, LEAVE);
    } catch {
      // There is no terminal any more.
    }
  }

  #drawNow(): void {
    this.#timer = undefined;
    const before = this.bytesWritten;
    this.#render?.();
    const bytes = this.bytesWritten - before;
    const rest = Math.max(FRAME_MS, (bytes * 1000) / BYTES_PER_SECOND);
    this.#readyAt = performance.now() + rest;
  }

  #paint(frame: string): void {
    if (!this.#active) return;
    const { columns, rows } = this.size();
    const lines = frame.split('\n').slice(0, rows);
    let changes = '';
    for (let row = 0; row < Math.max(lines.length, this.#shown.length); row++) {
      const line = lines[row] ?? '';
      if (line === this.#shown[row]) continue;
      // After the last column the cursor still stands on it, and it would be erased.
      const isFull = textWidth(stripVTControlCharacters(line)) >= columns;
      changes += `${ESC}${row + 1};1H${line}${ESC}0m${isFull ? '' : `${ESC}K`}`;
    }
    this.#shown = lines;
    if (changes !== '') this.#write(BEGIN + changes + END);
  }

  #write(text: string): void {
    this.bytesWritten += Buffer.byteLength(text);
    this.#options.stdout.write(text);
  }
}

/** A stream of which Ink believes that it is a terminal's, as far as it looks. */
function frameStream(
  onFrame: (frame: string) => void,
  size: { columns: number; rows: number },
): NodeJS.WriteStream {
  const stream = Object.assign(new EventEmitter(), size, {
    isTTY: false,
    writable: true,
    write(frame: string) {
      onFrame(frame);
      return true;
    },
  });
  return stream as unknown as NodeJS.WriteStream;
}

/** The sequence that puts text on the clipboard of the user's terminal, also over SSH. */
export const clipboardSequence = (text: string) =>
  `\u001B]52;c;${Buffer.from(text).toString('base64')}\u0007`;
