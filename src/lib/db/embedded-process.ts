import { execFile, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Account } from './embedded-account.ts';

/** What `postmaster.pid` says of the server. */
export interface Postmaster {
  pid: number;
  port: number;
  /** `ready` accepts connections; `starting` covers crash recovery too. */
  status: 'starting' | 'ready' | 'stopping';
}

/**
 * The server that runs on this cluster, if any. A `postmaster.pid` left behind by a killed server is
 * seen through, also when its pid is another process by now.
 */
export async function runningPostmaster(cluster: string): Promise<Postmaster | undefined> {
  // Its lines: https://www.postgresql.org/docs/18/storage-file-layout.html and miscadmin.h (LOCK_FILE_LINE_*).
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
 * Before a server is started: if the pid in a `postmaster.pid` left behind is no server's any
 * more, puts ours in its place. Postgres refuses any process of its own account there, also a killed
 * server that a container's first process has not reaped, but knows its parent's pid for stale
 * (CreateLockFile in miscinit.c). The file stays, because by its other lines Postgres sees whether
 * children of the killed server still hold its memory.
 */
export async function disownStalePid(cluster: string): Promise<void> {
  const file = `${cluster}/postmaster.pid`;
  const text = await readFile(file, 'utf8').catch(ignoreMissing);
  const pid = Number(text?.split('\n', 1)[0]);
  if (text === undefined || !(pid > 1)) return;
  const command = await commandLine(pid);
  // A postmaster, perhaps this cluster's by another path, which would end itself if its pid were gone.
  if (command?.includes('postgres') && command.includes('-D')) return;
  await writeFile(file, text.replace(/^\d+/, String(process.pid)));
}

/** Passes over a file that is not there; anything else is thrown on. */
export function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
}

// Not /proc/PID/cwd, although the server stands in its cluster: root in a container may not read that.
async function commandLine(pid: number): Promise<string | undefined> {
  return await processFact(pid, 'cmdline', 'command=');
}

/** When a process started, in the system's own words: with the pid it names one process for good. */
export async function processStart(pid: number): Promise<string | undefined> {
  const fact = await processFact(pid, 'stat', 'lstart=');
  if (process.platform !== 'linux') return fact;
  // proc(5): field 22, counted behind the command's name, which may hold spaces and parentheses.
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
 * How every PostgreSQL program is run: as the account, in a directory that it can enter, and with
 * none of our environment, in which provider keys and PG* variables may be.
 */
export const processOptions = (account: Account | undefined) => ({
  cwd: '/',
  env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C' },
  ...(account ? { uid: account.uid, gid: account.gid } : {}),
});

/** Runs a PostgreSQL program to its end; its output goes into the error if it fails. */
export async function runProgram(
  program: string,
  args: string[],
  account: Account | undefined,
  input = '',
): Promise<void> {
  const child = spawn(program, args, { ...processOptions(account), stdio: 'pipe' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  // A program that ends without reading its input is judged by its exit code.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const code = await new Promise<number | string | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exit, signal) => resolve(exit ?? signal));
  });
  if (code !== 0) throw new Error(`${program} ended with ${code}:\n${output.trim()}`);
}
