import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** The fields of a log line of the worker that the demo shows. */
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

/** Runs `donations worker start` as a separate process, as users do. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly ended: Promise<number | null>;

  constructor(launcher: string, env: NodeJS.ProcessEnv, onEvent: (event: WorkerEvent) => void) {
    this.#child = spawn(process.execPath, [launcher, 'worker', 'start'], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
      // A separate process group, so that Ctrl-C reaches only the demo, which then stops the
      // worker.
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

  /** Stops the worker after its running jobs. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.ended;
  }
}
