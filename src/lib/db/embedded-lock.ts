import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { UserError } from '../errors.ts';
import { ignoreMissing, processStart } from './embedded-process.ts';

const PATIENCE_MS = 120_000;

/**
 * Runs `work` while no other process does so under the same file. The file says who holds it by pid
 * and start time, so that a holder which was killed, or whose pid went to another process, is passed over.
 *
 * @throws UserError `try_again` when the holder takes longer than two minutes.
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
  // A link appears with its content or not at all, and for one of the contenders alone.
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
        'See what it is doing, or end it, and try again.',
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

// Another process may have discarded it first and hold it already: what was moved away is looked at
// again, and put back if it is not what was judged. (Should two still meet inside, neither initdb,
// which ends in a rename, nor two servers on one cluster, which Postgres refuses, can do harm.)
async function discard(file: string, judged: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  await rename(file, aside).catch(ignoreMissing);
  const moved = await readFile(aside, 'utf8').catch(ignoreMissing);
  if (moved !== undefined && moved !== judged) await linked(aside, file);
  await rm(aside, { force: true });
}
