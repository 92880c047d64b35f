import { execFile, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { SystemAccount } from './embedded-account.ts';

/** The server as `postmaster.pid` describes it. */
export interface Postmaster {
  pid: number;
  port: number;
  /** `starting` includes crash recovery; `ready` accepts connections. */
  status: 'starting' | 'ready' | 'stopping';
}

/**
 * The server that runs on this cluster, if any. A stale `postmaster.pid` is recognised, even when
 * another process has its pid now.
 */
export async function runningPostmaster(cluster: string): Promise<Postmaster | undefined> {
  // The lines of the file: https://www.postgresql.org/docs/18/storage-file-layout.html and
  // miscadmin.h (LOCK_FILE_LINE_*).
  const lines = await readFile(`${cluster}/postmaster.pid`, 'utf8').then(
    (text) => text.split('\n').map((line) => line.trim()),
    ignoreMissing,
  );
  const pid = Number(lines?.[0]);
  if (!lines || !(pid > 1)) return undefined;
  const command = await commandLine(pid);
  if (!command?.includes('postgres') || !command.includes(cluster)) return undefined;
  const status = lines[7] === 'ready' || lines[7] === 'stopping' ? lines[7] : 'starting';
  return { pid, port: Number(lines[3]), status };
}

/**
 * Replaces a stale pid in `postmaster.pid` by our own before a server is started. Postgres refuses
 * to start while a process of its account has that pid, even a killed server that was not reaped yet
 * (usual in containers). It accepts the pid of its parent as stale (CreateLockFile in miscinit.c).
 * The file itself must stay: Postgres uses its other lines to check whether children of the killed
 * server still use its shared memory.
 */
export async function disownStalePid(cluster: string): Promise<void> {
  const file = `${cluster}/postmaster.pid`;
  const text = await readFile(file, 'utf8').catch(ignoreMissing);
  const pid = Number(text?.split('\n', 1)[0]);
  if (text === undefined || !(pid > 1)) return;
  const command = await commandLine(pid);
  // This may be the cluster's own postmaster, started under another path. It would shut down if its
  // pid disappeared from the file.
  if (command?.includes('postgres') && command.includes('-D')) return;
  await writeFile(file, text.replace(/^\d+/, String(process.pid)));
}

/** Ignores a missing file; rethrows every other error. */
export function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
}

// /proc/PID/cwd would name the cluster, but root in a container may be refused to read it.
async function commandLine(pid: number): Promise<string | undefined> {
  return await processFact(pid, 'cmdline', 'command=');
}

/**
 * When a process started, as the system prints it. Pid and start time together identify a process.
 */
export async function processStart(pid: number): Promise<string | undefined> {
  const fact = await processFact(pid, 'stat', 'lstart=');
  if (process.platform !== 'linux') return fact;
  // proc(5): field 22, counted after the command's name, which may contain spaces and parentheses.
  return fact?.slice(fact.lastIndexOf(')') + 2).split(' ')[19];
}

async function processFact(pid: number, proc: string, ps: string): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const text = await readFile(`/proc/${pid}/${proc}`, 'utf8').catch(() => '');
    return text || undefined;
  }
  const { stdout } = await promisify(execFile)('ps', ['-ww', '-o', ps, '-p', String(pid)]).catch(
    () => ({ stdout: '' }),
  );
  return stdout.trim() || undefined;
}

/**
 * The options of every PostgreSQL program: our environment is withheld, because it may hold
 * provider keys and PG* variables, and the working directory is one that the account can enter.
 */
export const processOptions = (account: SystemAccount | undefined) => ({
  cwd: '/',
  env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C' },
  ...(account ? { uid: account.uid, gid: account.gid } : {}),
});

/** Runs a PostgreSQL program to its end. If it fails, the error contains its output. */
export async function runProgram(
  program: string,
  args: string[],
  account: SystemAccount | undefined,
  input = '',
): Promise<void> {
  const child = spawn(program, args, { ...processOptions(account), stdio: 'pipe' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  // Writing to a program that has ended raises EPIPE; the exit code decides instead.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const code = await new Promise<number | string | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exit, signal) => resolve(exit ?? signal));
  });
  if (code !== 0) throw new Error(`${program} ended with ${code}:\n${output.trim()}`);
}
