import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { withLock } from '../../db/embedded-lock.ts';
import { dependencyDown } from '../../errors.ts';
import { launcherPath } from '../../launcher.ts';
import { startSandbox } from './server.ts';

/** What the running sandbox says of itself, in its state file. */
interface Running {
  pid: number;
  port: number;
}

export interface SandboxStatus {
  running: boolean;
  pid?: number;
  url?: string;
}

const PATIENCE_MS = 20_000;
const LOOK_AGAIN_MS = 25;

const files = (dataDir: string) => ({
  state: join(dataDir, 'sandbox.json'),
  lock: join(dataDir, 'sandbox.lock'),
  log: join(dataDir, 'sandbox.log'),
});

/**
 * Makes sure that the data directory's sandbox runs, in the background, and leaves it running for
 * the next command. Safe when several commands do it at once.
 *
 * @throws UserError `dependency_down` when it does not come up.
 */
export async function ensureSandbox({ dataDir }: { dataDir: string }): Promise<{ url: string; started: boolean }> {
  const before = await sandboxStatus({ dataDir });
  if (before.url) return { url: before.url, started: false };
  await mkdir(dataDir, { recursive: true });
  const { lock, log } = files(dataDir);
  return withLock(lock, async () => {
    const running = await sandboxStatus({ dataDir });
    if (running.url) return { url: running.url, started: false };
    const output = openSync(log, 'a', 0o600);
    const child = spawn(process.execPath, [launcherPath(), 'sandbox', 'serve'], {
      detached: true,
      stdio: ['ignore', output, output],
      cwd: '/',
      env: { PATH: process.env.PATH, DONATIONS_DATA_DIR: dataDir, NODE_ENV: 'production' },
    });
    const failed = new Promise<never>((_resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`it ended with ${code}`)));
    });
    failed.catch(() => {});
    try {
      const url = await Promise.race([answering(dataDir), failed]);
      child.unref();
      return { url, started: true };
    } catch (error) {
      throw dependencyDown(`the sandbox did not start: ${(error as Error).message}`, `See ${log}.`, error);
    }
  });
}

/** Runs the sandbox in this process until the signal. On the port that it had before, if that is free. */
export async function serveSandbox(dataDir: string, signal: AbortSignal): Promise<void> {
  const { state } = files(dataDir);
  const remembered = (await readState(dataDir))?.port;
  const server = await startSandbox({ dataDir, port: remembered ?? 0 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    return startSandbox({ dataDir });
  });
  await writeFile(`${state}.new`, JSON.stringify({ pid: process.pid, port: server.port }), { mode: 0o600 });
  await rename(`${state}.new`, state);
  if (!signal.aborted) {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }
  await server.close();
}

/** Stops it. @returns false when none ran. */
export async function stopSandbox({ dataDir }: { dataDir: string }): Promise<boolean> {
  const { pid } = await sandboxStatus({ dataDir });
  if (pid === undefined) return false;
  process.kill(pid, 'SIGTERM');
  const deadline = Date.now() + PATIENCE_MS;
  while ((await sandboxStatus({ dataDir })).running) {
    if (Date.now() > deadline) throw dependencyDown(`the sandbox (pid ${pid}) does not stop`, `End it: kill -9 ${pid}`);
    await wait(LOOK_AGAIN_MS);
  }
  return true;
}

/** Whether it runs: asked of the port on record, so that a stale file deceives nobody. */
export async function sandboxStatus({ dataDir }: { dataDir: string }): Promise<SandboxStatus> {
  const state = await readState(dataDir);
  if (!state) return { running: false };
  const url = `http://127.0.0.1:${state.port}`;
  try {
    const response = await fetch(`${url}/_sandbox/health`, { signal: AbortSignal.timeout(2000) });
    const health = (await response.json()) as { pid?: number };
    return health.pid === state.pid ? { running: true, pid: state.pid, url } : { running: false };
  } catch {
    return { running: false };
  }
}

async function readState(dataDir: string): Promise<Running | undefined> {
  try {
    return JSON.parse(await readFile(files(dataDir).state, 'utf8'));
  } catch {
    return undefined;
  }
}

async function answering(dataDir: string): Promise<string> {
  const deadline = Date.now() + PATIENCE_MS;
  while (Date.now() < deadline) {
    const { url } = await sandboxStatus({ dataDir });
    if (url) return url;
    await wait(LOOK_AGAIN_MS);
  }
  throw new Error('it does not answer');
}
