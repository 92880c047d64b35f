import type { Db } from '../db/database.ts';
import { readWithin } from '../db/read.ts';
import type { Filter } from '../filter/parse.ts';
import { listPauses, type Pause } from './pauses.ts';
import { type BoundedCount, countJobs, listJobs, type Page, type Sort } from './select.ts';

/** One page of jobs, how many there are, and which tasks are paused: what a list shows. */
export async function readJobs(
  db: Db,
  { readTimeoutMs }: { readTimeoutMs: number },
  filter: Filter,
  paging: { sort?: Sort | undefined; limit: number; after?: string | undefined },
): Promise<{ page: Page; total: BoundedCount; pauses: Pause[] }> {
  return readWithin(db, readTimeoutMs, async (tx) => ({
    page: await listJobs(tx, filter, paging),
    total: await countJobs(tx, filter),
    pauses: await listPauses(tx),
  }));
}
