import { giveUpDeliveries } from '../../receipts/reopen.ts';
import { CHARGES_CARD } from '../read/settled-charges.ts';
import { forgetVerdicts } from '../run/verdict-changes.ts';
import { changedAll, firstOf, type JobChange } from './job-change.ts';

// Graphile Worker's own function removes the jobs and returns their rows.
const BURY = `
  with gone as materialized (select * from graphile_worker.complete_jobs($1::bigint[])),
  buried as (
    insert into donations.discarded_jobs (job_id, operation, task, queue, payload, priority, run_at,
      attempts, max_attempts, key, flags, last_error, created_at, verdict)
    select j.id, $2, t.identifier, q.queue_name, j.payload, j.priority, j.run_at, j.attempts,
      j.max_attempts, j.key, array(select jsonb_object_keys(coalesce(j.flags, '{}'))), j.last_error,
      j.created_at, to_jsonb(v)
    from gone j
    join graphile_worker._private_tasks t on t.id = j.task_id
    left join graphile_worker._private_job_queues q on q.id = j.job_queue_id
    left join donations.job_verdicts v on v.job_id = j.id and v.decision <> 'retry'
  )
  select count(*)::int as count from gone`;

/**
 * Removes jobs from the queue, and keeps a copy for 30 days. A job that charges or settles an open
 * donation is skipped unless `includeUnsettled` is set, because no other job would settle it.
 */
export function discard({ includeUnsettled }: { includeUnsettled: boolean }): JobChange {
  return {
    verb: 'discard',
    past: 'Discarded',
    action: 'jobs.discard',
    states: ['failed'],
    asksForOne: true,
    next: (operation) => `Undo: donations jobs restore ${operation}`,
    skip({ state, donation }) {
      if (state === 'running') return `'is running'`;
      if (includeUnsettled) return firstOf([]);
      return firstOf([
        [
          `${CHARGES_CARD} and exists (select 1 from donations.donations d
             where d.id = ${donation} and d.settled_at is null)`,
          'its donation would never be settled: use --include-unsettled to discard it',
        ],
      ]);
    },
    async apply(tx, chunk, { operation }) {
      const { rows } = await tx.query<{ count: number }>(BURY, [chunk.ids, operation]);
      changedAll(chunk, rows[0]?.count ?? 0);
      await forgetVerdicts(tx, chunk.ids);
      await giveUpDeliveries(tx, chunk.ids);
      return { discarded: true };
    },
  };
}
