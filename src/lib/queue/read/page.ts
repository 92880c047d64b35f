import type { Queryable } from '../../db/database.ts';
import type { BoundedCount } from '../../db/page.ts';
import { listPauses, type Pause } from '../run/pauses.ts';
import { checkTasks } from './check-tasks.ts';
import { countJobs, listJobs, type Page, type Sort } from './list.ts';
import type { JobFilter } from './vocabulary.ts';

const WALK = ['seqscan', 'hashjoin', 'mergejoin']
  .map((plan) => `set local enable_${plan} = off`)
  .join(';');

/** The data of a job list: one page, a bounded count, and the pauses of tasks. */
export async function readJobs(
  tx: Queryable,
  filter: JobFilter,
  paging: { sort?: Sort | undefined; limit: number; after?: string | undefined },
): Promise<{ page: Page; total: BoundedCount; pauses: Pause[] }> {
  // With old statistics the planner would read and join whole tables. A page and a bounded count
  // must walk along an index and stop.
  await tx.query(WALK);
  await checkTasks(tx, filter);
  return {
    page: await listJobs(tx, filter, paging),
    total: await countJobs(tx, filter),
    pauses: await listPauses(tx),
  };
}
