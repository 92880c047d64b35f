import { spawn } from 'node:child_process';

export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

const LAUNCHER = new URL('../../bin/donations', import.meta.url).pathname;

/** Runs the built command line as a user would, without a terminal. */
export function runCli(
  args: string[],
  { env, cwd, signal }: { env: NodeJS.ProcessEnv; cwd?: string; signal?: AbortSignal },
): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [LAUNCHER, ...args], {
      env,
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
    signal?.addEventListener('abort', () => child.kill('SIGINT'), { once: true });
  });
}
