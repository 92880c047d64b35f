import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { UserError } from '../errors.ts';
import { ignoreMissing, processStart } from './embedded-process.ts';

const PATIENCE_MS = 120_000;

/**
 * Runs `work` while no other process runs it under the same lock file. The file names its holder by
 * pid and start time, so a lock is ignored if its holder was killed, even when another process has
 * the pid now.
 * @throws UserError `try_again` when another process holds the lock for more than two minutes.
 */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  const mine = `${file}.${randomUUID()}`;
  await writeFile(mine, `${process.pid} ${await processStart(process.pid)}`, { mode: 0o644 });
  try {
    await acquire(file, mine);
    try {
      return await work();
    } finally {
      await rm(file, { force: true });
    }
  } finally {
    await rm(mine, { force: true });
  }
}

async function acquire(file: string, mine: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  // link(2) is atomic: it succeeds for one contender only, and the file has its content at once.
  while (!(await linked(mine, file))) {
    const holder = await readFile(file, 'utf8').catch(ignoreMissing);
    if (holder === undefined) continue;
    const [pid, start] = holder.split(' ');
    if ((await processStart(Number(pid))) !== start) await discard(file, holder);
    else if (Date.now() < deadline) await wait(50);
    else {
      throw new UserError(
        'try_again',
        `another donations command (pid ${pid}) has been starting the database for two minutes`,
        `Wait until it ends, or end it if it hangs (ps -p ${pid}), then try again.`,
      );
    }
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

// Removes a stale lock. Another process may have removed it first and taken the lock since. So the
// file is moved away, compared with `judged`, and put back if it differs. (If two processes still
// run at once, no harm is done: initdb ends in a rename, and Postgres refuses a second server on
// one cluster.)
async function discard(file: string, judged: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  await rename(file, aside).catch(ignoreMissing);
  const moved = await readFile(aside, 'utf8').catch(ignoreMissing);
  if (moved !== undefined && moved !== judged) await linked(aside, file);
  await rm(aside, { force: true });
}
