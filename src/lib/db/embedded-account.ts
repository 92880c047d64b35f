import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { configurationError } from '../errors.ts';

/** The account that runs the server's processes. */
export interface SystemAccount {
  name: string;
  uid: number;
  gid: number;
}

/**
 * The account to run the server as; `undefined` for the current user. Postgres refuses to run as
 * root. As root, the owner of an existing cluster is used, else `postgres`, else `nobody`. No
 * account is created.
 */
export async function serverAccount(cluster: string): Promise<SystemAccount | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = await readAccounts();
  const owner = await stat(cluster).catch(() => undefined);
  if (owner && owner.uid !== 0) {
    const name = accounts.find((account) => account.uid === owner.uid)?.name ?? String(owner.uid);
    return { name, uid: owner.uid, gid: owner.gid };
  }
  for (const name of ['postgres', 'nobody']) {
    const account = accounts.find((candidate) => candidate.name === name);
    if (account) return account;
  }
  throw configurationError(
    'PostgreSQL does not run as root, and this machine has neither a "postgres" nor a "nobody" account',
    'Run donations as an ordinary user, or set DATABASE_URL to a PostgreSQL server.',
  );
}

async function readAccounts(): Promise<SystemAccount[]> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  return passwd.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':');
    return name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
  });
}

const EXECUTE = 0o1;
const READ = 0o4;

/** The first directory of `path` (itself included) that the account cannot enter. */
export async function unreachableAt(
  path: string,
  account: SystemAccount,
): Promise<string | undefined> {
  const way = [path];
  for (let dir = path; dir !== dirname(dir); dir = dirname(dir)) way.unshift(dirname(dir));
  for (const dir of way) {
    if (!(await permits(dir, account, EXECUTE))) return dir;
  }
  return undefined;
}

/** Whether the account may read and execute this file, regardless of its directories. */
export const canRun = (file: string, account: SystemAccount) =>
  permits(file, account, READ | EXECUTE);

async function permits(path: string, account: SystemAccount, wanted: number): Promise<boolean> {
  const { mode, uid, gid } = await stat(path);
  const shift = uid === account.uid ? 6 : gid === account.gid ? 3 : 0;
  return ((mode >> shift) & wanted) === wanted;
}
