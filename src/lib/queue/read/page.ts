import type { Queryable } from '../../db/database.ts';
import type { BoundedCount } from '../../db/page.ts';
import { listPauses, type Pause } from '../run/pauses.ts';
import { checkTasks } from './check-tasks.ts';
import { countJobs, listJobs, type Page, type Sort } from './list.ts';
import type { JobFilter } from './vocabulary.ts';

const WALK = ['seqscan', 'hashjoin', 'mergejoin']
  .map((plan) => `set local enable_${plan} = off`)
  .join(';');

/** One page of jobs, how many there are, and which tasks are paused: what a list shows. */
export async function readJobs(
  tx: Queryable,
  filter: JobFilter,
  paging: { sort?: Sort | undefined; limit: number; after?: string | undefined },
): Promise<{ page: Page; total: BoundedCount; pauses: Pause[] }> {
  // A page and a bounded count walk along an index and stop; the planner, when its statistics are
  // old, would rather read and join all there is.
  await tx.query(WALK);
  await checkTasks(tx, filter);
  return {
    page: await listJobs(tx, filter, paging),
    total: await countJobs(tx, filter),
    pauses: await listPauses(tx),
  };
}
