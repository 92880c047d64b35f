import { grouped } from '../../../lib/output/text.ts';
import { restoreJobs } from '../../../lib/queue/change/restore.ts';
import type { Request } from '../requests.ts';
import { auditLine, jobs, type OperationDeps, operatorOf, type Planned } from './planned.ts';

export async function planRestore(
  deps: OperationDeps,
  request: Extract<Request, { kind: 'restore' }>,
): Promise<Planned> {
  const { ref } = request;
  const { rows } = await deps.read((tx) =>
    tx.query<{ task: string; count: number }>(
      `select task, count(*)::int as count from donations.discarded_jobs
       where restored_as is null and (operation = $1 or job_id::text = $1)
       group by task order by count desc`,
      [ref],
    ),
  );
  const total = rows.reduce((sum, { count }) => sum + count, 0);
  return {
    title: total === 0 ? 'Nothing to restore' : `Restore ${jobs(total)}`,
    lines: [
      `discard      ${ref}`,
      ...(total > 0
        ? [
            `tasks        ${rows.map(({ task, count }) => `${grouped(count)} ${task}`).join(', ')}`,
            'they come back as they were, under new ids; what had failed comes back failed',
          ]
        : ['all of it was restored before, or it is longer ago than 30 days']),
    ],
    confirm: total === 0 ? { by: 'nothing' } : { by: 'enter' },
    total,
    async apply() {
      const operator = await operatorOf(deps, request);
      const result = await restoreJobs(await deps.db(), ref, { operator, reason: undefined });
      return {
        lines: [
          `Restored ${jobs(result.restored)}.`,
          ...(result.replaced > 0
            ? [`${grouped(result.replaced)} stay: a job of the same key has taken their place.`]
            : []),
          ...(result.operation ? [auditLine(result.operation)] : []),
        ],
        stopped: false,
      };
    },
  };
}
