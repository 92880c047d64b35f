import type { Io } from '../../lib/output/io.ts';
import { grouped } from '../../lib/output/text.ts';

const WIDTH = 30;

/** A progress bar on a terminal; elsewhere it prints nothing. */
export class Progress {
  readonly #io: Io;
  readonly #total: number;
  #done = 0;
  #note = '';
  #drawn = false;

  constructor(io: Io, total: number) {
    this.#io = io;
    this.#total = total;
  }

  show(done: number): void {
    this.#done = done;
    this.#draw();
  }

  note(text: string): void {
    this.#note = text;
    this.#draw();
  }

  /** Removes the bar. */
  end(): void {
    if (this.#drawn) this.#io.stderr.write('\r\u001b[K');
  }

  #draw(): void {
    const { stderr } = this.#io;
    // A single row needs no bar.
    if (!stderr.isTTY || this.#total < 2) return;
    this.#drawn = true;
    const full = Math.round((WIDTH * this.#done) / this.#total);
    const bar = `${'█'.repeat(full)}${'░'.repeat(WIDTH - full)}`;
    const count = `${grouped(this.#done)}/${grouped(this.#total)}`;
    stderr.write(`\r\u001b[K${bar} ${count}  ${this.#note}`);
  }
}
