import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';

/** Whether there is a tmux to test with: Debian and Ubuntu have it as `apt-get install tmux`. */
export const hasTmux = spawnSync('tmux', ['-V']).status === 0;

const PATIENCE_MS = 40_000;
const LOOK_AGAIN_MS = 100;

/** A terminal of its own, of any size, that can be typed at and looked at. */
export class Tmux {
  readonly #socket = `donations-${randomBytes(4).toString('hex')}`;

  /** @param command for the shell; what it ends with stays on the screen. */
  constructor(
    command: string,
    { columns, rows }: { columns: number; rows: number },
    env: NodeJS.ProcessEnv,
  ) {
    const size = ['-x', String(columns), '-y', String(rows)];
    execFileSync(
      'tmux',
      ['-L', this.#socket, '-f', '/dev/null', 'new-session', '-d', ...size, command],
      {
        env: { ...env, TERM: 'xterm-256color', SHELL: '/bin/sh' },
      },
    );
    this.run('set-option', '-g', 'status', 'off');
    this.run('resize-window', ...size);
  }

  run(...args: string[]): string {
    return execFileSync('tmux', ['-L', this.#socket, ...args], { encoding: 'utf8' });
  }

  /** The screen as text. */
  screen(): string {
    return this.run('capture-pane', '-p');
  }

  /** Keys by tmux's names: `Enter`, `Escape`, `C-c`, `Down`, `x`. */
  keys(...keys: string[]): void {
    for (const key of keys) this.run('send-keys', key);
  }

  type(text: string): void {
    this.run('send-keys', '-l', text);
  }

  resize(columns: number, rows: number): void {
    this.run('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** One of tmux's variables, such as `cursor_flag`. */
  variable(name: string): string {
    return this.run('display-message', '-p', `#{${name}}`).trim();
  }

  /** The process that the shell in it has started. */
  pid(): number {
    const children = execFileSync('pgrep', ['-P', this.variable('pane_pid')], { encoding: 'utf8' });
    return Number(children.trim().split('\n')[0]);
  }

  /** Resolves with the screen once it shows something; there is no event to wait for. */
  async until(shown: RegExp | ((screen: string) => boolean)): Promise<string> {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const screen = this.screen();
      if (typeof shown === 'function' ? shown(screen) : shown.test(screen)) return screen;
      if (Date.now() > end) throw new Error(`${shown} did not come:\n${screen}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }

  close(): void {
    spawnSync('tmux', ['-L', this.#socket, 'kill-server']);
  }
}
