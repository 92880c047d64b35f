import { spawn } from 'node:child_process';
import { maskText } from '../../mask.ts';
import type { AlertMessage } from '../message.ts';
import type { RouteOf } from '../route-settings.ts';
import { RouteFailure } from './failure.ts';

/** What a program needs to run. Not our keys, and not the database's password. */
const PASSED_ON = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];
const MAX_SAID = 300;

/**
 * Runs a program with the message as JSON on its standard input; no shell reads its arguments. Exit
 * code 0 means delivered. Over the time limit it and whatever it has started are killed.
 */
export function runCommand(
  { command: [file = '', ...args], timeout }: RouteOf<'command'>,
  message: AlertMessage,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: ['pipe', 'ignore', 'pipe'],
      env: Object.fromEntries(PASSED_ON.map((name) => [name, env[name]])),
      // A process group of its own, to be ended whole.
      detached: true,
    });
    let said = '';
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      if (child.pid) process.kill(-child.pid, 'SIGKILL');
    }, timeout);
    const end = (failure: string | undefined) => {
      clearTimeout(timer);
      if (failure === undefined) resolve();
      else reject(new RouteFailure(failure));
    };
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(0, MAX_SAID);
    });
    child.once('error', (error: NodeJS.ErrnoException) =>
      end(`the command did not start: ${error.code}`),
    );
    child.once('exit', (code, signal) => {
      child.stderr.destroy();
      if (late) return end(`the command took longer than ${timeout / 1000} s`);
      const words = said.trim() ? `: ${maskText(said)}` : '';
      end(code === 0 ? undefined : `the command ended with ${signal ?? code}${words}`);
    });
    // A command that does not read its input is judged by its exit code.
    child.stdin.on('error', () => {});
    child.stdin.end(`${JSON.stringify(message)}\n`);
  });
}
