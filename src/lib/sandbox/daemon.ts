import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, realpath, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { dependencyDown } from '../errors.ts';
import { launcherPath } from '../launcher.ts';
import type { Health } from './admin.ts';
import { SandboxClient } from './client.ts';
import { readSecret, secretHeader } from './secret.ts';
import { startSandbox } from './server.ts';

export interface SandboxStatus {
  running: boolean;
  pid?: number;
  /** The URL and the secret for `SandboxClient`. */
  at?: { url: string; secret: string };
}

const PATIENCE_MS = 20_000;
const LOOK_AGAIN_MS = 25;
// The exit code of `sandbox serve` when another process has the lock: that of `try_again`.
const LOCKED_OUT_EXIT = 75;

const stateFile = (dataDir: string) => join(dataDir, 'sandbox.json');
const logFile = (dataDir: string) => join(dataDir, 'sandbox.log');

/**
 * Starts the data directory's sandbox in the background if it is not running. Several commands may
 * do this at once; the lock in `startSandbox` lets only one process live.
 *
 * @param options.command the command that serves the sandbox; by default this package's launcher
 * @throws UserError `dependency_down` when it does not start
 */
export async function ensureSandbox(options: {
  dataDir: string;
  command?: [program: string, ...args: string[]];
}): Promise<{ url: string; secret: string; started: boolean }> {
  // The background process has another working directory.
  const dataDir = resolve(options.dataDir);
  const before = await sandboxStatus({ dataDir });
  if (before.at) return { ...before.at, started: false };

  await mkdir(dataDir, { recursive: true });
  const command = options.command ?? [process.execPath, launcherPath(), 'sandbox', 'serve'];
  let server = spawnServer(command, dataDir);
  const deadline = Date.now() + PATIENCE_MS;
  while (Date.now() < deadline) {
    const { at, pid } = await sandboxStatus({ dataDir });
    if (at) {
      const started = pid === server.pid;
      // Another process was first. Ours may still be starting, and would take over when the other
      // one stops.
      if (!started) server.abandon();
      return { ...at, started };
    }
    if (server.ended !== undefined && server.ended !== LOCKED_OUT_EXIT) break;
    // Another process has the lock: it is starting or stopping.
    if (server.ended === LOCKED_OUT_EXIT) server = spawnServer(command, dataDir);
    await sleep(LOOK_AGAIN_MS);
  }
  server.abandon();
  throw dependencyDown(
    `the sandbox did not start: ${server.ended === undefined ? 'it does not answer' : `it ended with ${server.ended}`}`,
    `See ${logFile(dataDir)}`,
  );
}

interface SpawnedServer {
  pid: number | undefined;
  /** Its exit code, its signal, or why it could not be executed. */
  ended: number | string | undefined;
  /** Ends the process if it is still running. */
  abandon(): void;
}

function spawnServer([program, ...args]: [string, ...string[]], dataDir: string): SpawnedServer {
  const log = openSync(logFile(dataDir), 'a', 0o600);
  const child = spawn(program, [...args, '--data-dir', dataDir], {
    detached: true,
    stdio: ['ignore', log, log],
    // The background process must not keep this command's directory, nor its secrets in the
    // environment.
    cwd: '/',
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: 'production' },
  });
  closeSync(log);
  const server: SpawnedServer = {
    pid: child.pid,
    ended: undefined,
    abandon: () => void child.kill(),
  };
  child.once('error', (error) => {
    server.ended = error.message;
  });
  child.once('exit', (code, signal) => {
    server.ended = signal ?? code ?? undefined;
  });
  child.unref();
  return server;
}

/**
 * Serves the sandbox in this process until the signal or a stop request. It uses its previous port
 * if that is free, so that URLs stay the same.
 */
export async function serveSandbox(
  dataDir: string,
  signal: AbortSignal,
  onListen: (url: string) => void = () => {},
): Promise<{ url: string }> {
  const remembered = (await readState(dataDir))?.port ?? 0;
  const server = await startSandbox({ dataDir, port: remembered }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') throw error;
      return startSandbox({ dataDir });
    },
  );
  const file = stateFile(dataDir);
  await writeFile(`${file}.new`, JSON.stringify({ pid: process.pid, port: server.port }), {
    mode: 0o600,
  });
  await rename(`${file}.new`, file);
  onListen(server.url);
  const aborted = new Promise<void>((done) => {
    if (signal.aborted) done();
    signal.addEventListener('abort', () => done(), { once: true });
  });
  await Promise.race([aborted, server.stopRequested]);
  await server.close();
  return { url: server.url };
}

/**
 * Stops the data directory's sandbox. @returns false when it was not running @throws UserError
 * `dependency_down`
 */
export async function stopSandbox({ dataDir }: { dataDir: string }): Promise<boolean> {
  const { at, pid } = await sandboxStatus({ dataDir });
  if (!at) return false;
  // A stop request is sent instead of a signal: the pid may belong to another process now.
  await new SandboxClient(at).stop();
  const deadline = Date.now() + PATIENCE_MS;
  while ((await sandboxStatus({ dataDir })).running) {
    if (Date.now() > deadline) {
      throw dependencyDown(
        `the sandbox (pid ${pid}) did not stop`,
        `Check that process ${pid} is the sandbox (ps -p ${pid}), then end it.`,
      );
    }
    await sleep(LOOK_AGAIN_MS);
  }
  return true;
}

/**
 * Whether the data directory's sandbox is running. The stored port is called, because the file may
 * be stale.
 */
export async function sandboxStatus({ dataDir }: { dataDir: string }): Promise<SandboxStatus> {
  const [state, secret] = await Promise.all([readState(dataDir), readSecret(dataDir)]);
  if (!state || !secret) return { running: false };
  const url = `http://127.0.0.1:${state.port}`;
  try {
    const response = await fetch(`${url}/_sandbox/health`, {
      headers: secretHeader(secret),
      signal: AbortSignal.timeout(2000),
    });
    const health = (await response.json()) as Health;
    // Another directory's sandbox, or another program, may use the port now.
    const ours = health.ok && (await realpath(health.dataDir)) === (await realpath(dataDir));
    return ours ? { running: true, pid: health.pid, at: { url, secret } } : { running: false };
  } catch {
    return { running: false };
  }
}

async function readState(dataDir: string): Promise<{ pid: number; port: number } | undefined> {
  try {
    return JSON.parse(await readFile(stateFile(dataDir), 'utf8'));
  } catch {
    return undefined;
  }
}
