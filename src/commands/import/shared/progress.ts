import { type Io, say } from '../../../lib/output/io.ts';
import { grouped } from '../../../lib/output/text.ts';

const EVERY_MS = 10_000;
const REDRAW_MS = 100;
const WIDTH = 24;
const WORDS = { reading: 'Reading', matching: 'Matching', importing: 'Importing' };

/** How far an import is: a bar on a terminal; off one a line every ten seconds. */
export class ImportProgress {
  readonly #io: Io;
  #phase: keyof typeof WORDS = 'reading';
  #since = performance.now();
  #told = performance.now();
  #drawn = false;
  /** Rows of the phase, where they are known. */
  total: number | undefined;

  constructor(io: Io) {
    this.#io = io;
  }

  show(phase: keyof typeof WORDS, rows: number): void {
    const now = performance.now();
    if (phase !== this.#phase) {
      this.#phase = phase;
      this.#since = now;
    }
    const terminal = this.#io.stderr.isTTY;
    if (now - this.#told < (terminal ? REDRAW_MS : EVERY_MS)) return;
    this.#told = now;
    const line = this.#line(rows, (now - this.#since) / 1000);
    if (!terminal) {
      say(this.#io, line);
      return;
    }
    this.#drawn = true;
    this.#io.stderr.write(`\r\u001b[K${line}`);
  }

  end(): void {
    if (this.#drawn) this.#io.stderr.write('\r\u001b[K');
    this.#drawn = false;
  }

  #line(rows: number, seconds: number): string {
    const count = grouped(rows);
    if (this.#phase === 'matching') return 'Matching donors and looking for duplicates';
    const rate = seconds > 0 ? rows / seconds : 0;
    const speed = `${grouped(Math.round(rate))} rows/s`;
    if (!this.total) return `${WORDS[this.#phase]} ${count} rows, ${speed}`;
    const full = Math.min(WIDTH, Math.round((WIDTH * rows) / this.total));
    const bar = `${'█'.repeat(full)}${'░'.repeat(WIDTH - full)}`;
    const left = rate > 0 ? `, ${Math.ceil((this.total - rows) / rate)} s left` : '';
    return `${WORDS[this.#phase]} ${bar} ${count}/${grouped(this.total)} rows, ${speed}${left}`;
  }
}
