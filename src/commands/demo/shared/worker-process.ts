import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A line of the worker's log, as far as the demo shows it. */
export interface WorkerEvent {
  level: number;
  msg: string;
  task?: string;
  job?: string;
  donation?: string;
  outcome?: string;
  ms?: number;
  next?: string;
}

/** A `donations worker start` of its own, as users run it. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly ended: Promise<number | null>;

  constructor(launcher: string, env: NodeJS.ProcessEnv, onEvent: (event: WorkerEvent) => void) {
    this.#child = spawn(process.execPath, [launcher, 'worker', 'start'], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
      // A group of its own: Ctrl-C at the terminal is for us, and we stop it in our turn.
      detached: true,
    });
    this.ended = new Promise((resolve) => this.#child.once('exit', resolve));
    if (!this.#child.stderr) return;
    createInterface({ input: this.#child.stderr }).on('line', (line) => {
      try {
        onEvent(JSON.parse(line));
      } catch {
        onEvent({ level: 50, msg: line });
      }
    });
  }

  /** Lets it finish what runs. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.ended;
  }
}
