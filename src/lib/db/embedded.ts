import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { openSync } from 'node:fs';
import { chmod, chown, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { configurationError, dependencyDown } from '../errors.ts';
import { type SystemAccount, serverAccount, unreachableAt } from './embedded-account.ts';
import { withLock } from './embedded-lock.ts';
import {
  disownStalePid,
  ignoreMissing,
  processOptions,
  runningPostmaster,
  runProgram,
} from './embedded-process.ts';
import { findRuntime } from './embedded-runtime.ts';

export interface EmbeddedOptions {
  dataDir: string;
  /** Additional server settings, for tests. */
  settings?: Record<string, string>;
}

export interface EmbeddedStatus {
  running: boolean;
  dataDir: string;
  pid?: number;
  port?: number;
  url?: string;
}

const USER = 'donations';
const DATABASE = 'donations';
const START_PATIENCE_MS = 60_000;
const STOP_PATIENCE_MS = 60_000;
const LOOK_AGAIN_MS = 25;

// Settings of a server for one machine. Durability stays on, because it stores donations.
const SETTINGS: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '128MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  cluster_name: 'donations',
};

const paths = (dataDir: string) => ({
  cluster: join(dataDir, 'postgres'),
  lock: join(dataDir, 'postgres.lock'),
  password: join(dataDir, 'postgres.password'),
  port: join(dataDir, 'postgres.port'),
  log: join(dataDir, 'postgres.log'),
});

/**
 * Starts the PostgreSQL server of the data directory if it is not running, and leaves it running.
 * Makes the cluster on first use. Several commands may call this at once, and a server that crashed
 * is recovered.
 * @throws UserError `configuration` when the directory or the programs cannot be used,
 *   `dependency_down` when the server does not start.
 */
export async function startEmbedded(
  options: EmbeddedOptions,
): Promise<{ url: string; started: boolean; created: boolean }> {
  const { dataDir } = options;
  const { cluster, lock } = paths(dataDir);
  // Usually the server is running already, and no lock is needed.
  const before = await runningPostmaster(cluster);
  if (before?.status === 'ready') {
    return { url: await url(dataDir, before.port), started: false, created: false };
  }

  const account = await serverAccount(cluster);
  await prepareDataDir(dataDir, account);
  return withLock(lock, async () => {
    const running = await runningPostmaster(cluster);
    if (running && running.status !== 'stopping') {
      return { url: await url(dataDir, await accepting(dataDir)), started: false, created: false };
    }
    if (running) await ended(cluster);
    const { bin } = await findRuntime(dataDir, account);
    const created = await initCluster(dataDir, bin, account);
    await startServer(options, bin, account);
    return { url: await url(dataDir, await accepting(dataDir)), started: true, created };
  });
}

/**
 * Stops the server: `fast` rolls back open transactions, `immediate` also skips the checkpoint.
 * @returns false when no server was running.
 */
export async function stopEmbedded({
  dataDir,
  mode = 'fast',
}: {
  dataDir: string;
  mode?: 'fast' | 'immediate';
}): Promise<boolean> {
  const { cluster } = paths(dataDir);
  const running = await runningPostmaster(cluster);
  if (!running) return false;
  // https://www.postgresql.org/docs/18/server-shutdown.html
  process.kill(running.pid, mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
  await ended(cluster);
  return true;
}

/** The state of the data directory's server. */
export async function embeddedStatus({ dataDir }: { dataDir: string }): Promise<EmbeddedStatus> {
  const running = await runningPostmaster(paths(dataDir).cluster);
  if (!running) return { running: false, dataDir };
  return {
    running: true,
    dataDir,
    pid: running.pid,
    port: running.port,
    url: await url(dataDir, running.port),
  };
}

async function prepareDataDir(dataDir: string, account: SystemAccount | undefined): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true });
    const probe = await open(join(dataDir, `.writable-${process.pid}`), 'w');
    await probe.close();
    await rm(join(dataDir, `.writable-${process.pid}`));
  } catch (error) {
    throw configurationError(
      `the data directory ${dataDir} cannot be written (${(error as NodeJS.ErrnoException).code})`,
      'Choose another with DONATIONS_DATA_DIR, or set DATABASE_URL to a PostgreSQL server.',
    );
  }
  if (!account) return;
  const closed = await unreachableAt(dataDir, account);
  if (closed === undefined) return;
  throw configurationError(
    `PostgreSQL runs as the account ${account.name}, which may not enter ${closed}`,
    'Set DONATIONS_DATA_DIR to a directory that this account can reach (the default is /var/lib/donations).',
  );
}

/** @returns whether there was none yet. */
async function initCluster(
  dataDir: string,
  bin: string,
  account: SystemAccount | undefined,
): Promise<boolean> {
  const { cluster, password } = paths(dataDir);
  const version = await readFile(join(cluster, 'PG_VERSION'), 'utf8').catch(ignoreMissing);
  if (version !== undefined) return false;
  const secret = randomBytes(24).toString('base64url');
  const unfinished = `${cluster}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  if (account) await chown(unfinished, account.uid, account.gid);
  // initdb reads the password from a file only, and deletes nothing else.
  const passwordFile = join(unfinished, '..', `.pw-${process.pid}`);
  await writeFile(passwordFile, secret, { mode: 0o600 });
  if (account) await chown(passwordFile, account.uid, account.gid);
  try {
    await runProgram(
      join(bin, 'initdb'),
      [
        '-D',
        unfinished,
        '-U',
        USER,
        '-E',
        'UTF8',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--locale=C',
        '-A',
        'scram-sha-256',
        `--pwfile=${passwordFile}`,
      ],
      account,
    );
  } finally {
    await rm(passwordFile, { force: true });
  }
  await writeFile(password, secret, { mode: 0o600 });
  await chmod(password, 0o600);
  await rename(unfinished, cluster);
  return true;
}

async function startServer(
  { dataDir, settings }: EmbeddedOptions,
  bin: string,
  account: SystemAccount | undefined,
): Promise<void> {
  const { cluster, port: portFile, log } = paths(dataDir);
  const remembered = Number(await readFile(portFile, 'utf8').catch(ignoreMissing));
  const port = remembered > 0 && (await isFree(remembered)) ? remembered : await freePort();
  await writeFile(portFile, String(port));
  const output = openSync(log, 'a', 0o600);
  const args = Object.entries({ ...SETTINGS, ...settings, port: String(port) }).flatMap(
    ([key, value]) => ['-c', `${key}=${value}`],
  );
  await disownStalePid(cluster);
  const server = spawn(join(bin, 'postgres'), ['-D', cluster, ...args], {
    ...processOptions(account),
    detached: true,
    stdio: ['ignore', output, output],
  });
  await new Promise((resolve, reject) => server.once('spawn', resolve).once('error', reject));
  server.unref();
}

/** Waits until the server accepts connections; it may have to recover first. Returns its port. */
async function accepting(dataDir: string): Promise<number> {
  const { cluster, log } = paths(dataDir);
  const deadline = Date.now() + START_PATIENCE_MS;
  let seen = false;
  while (Date.now() < deadline) {
    const running = await runningPostmaster(cluster);
    if (running?.status === 'ready') {
      await ensureDatabase(dataDir, running.port);
      return running.port;
    }
    // The server has started and ended again, so waiting is pointless.
    if (seen && !running) break;
    seen ||= running !== undefined;
    await wait(LOOK_AGAIN_MS);
  }
  const lines = (await readFile(log, 'utf8').catch(() => ''))
    .trim()
    .split('\n')
    .slice(-5)
    .join('\n  ');
  throw dependencyDown(
    'the embedded PostgreSQL did not start',
    `The last lines of ${log}:\n  ${lines}`,
  );
}

async function ensureDatabase(dataDir: string, port: number): Promise<void> {
  const client = new pg.Client({ connectionString: await url(dataDir, port, 'postgres') });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [
      DATABASE,
    ]);
    if (!rowCount) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end();
  }
}

async function ended(cluster: string): Promise<void> {
  const deadline = Date.now() + STOP_PATIENCE_MS;
  while (await runningPostmaster(cluster)) {
    if (Date.now() > deadline)
      throw dependencyDown('the embedded PostgreSQL did not stop', `See ${cluster}.`);
    await wait(LOOK_AGAIN_MS);
  }
}

async function url(dataDir: string, port: number, database = DATABASE): Promise<string> {
  const secret = await readFile(paths(dataDir).password, 'utf8').catch(
    (error: NodeJS.ErrnoException) => {
      throw configurationError(
        `the password of the embedded PostgreSQL cannot be read (${error.code})`,
        `See ${paths(dataDir).password}.`,
      );
    },
  );
  return `postgres://${USER}:${secret}@127.0.0.1:${port}/${database}`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(0, '127.0.0.1', resolve),
  );
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) =>
      server.once('error', reject).listen(port, '127.0.0.1', resolve),
    );
    return true;
  } catch {
    return false;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
