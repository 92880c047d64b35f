import { formatRelative } from '../../../lib/output/time.ts';
import { applyRescue, planRescue } from '../../../lib/queue/change/rescue.ts';
import type { Request } from '../requests.ts';
import { auditLine, jobs, type OperationDeps, operatorOf, type Planned } from './planned.ts';

export async function planRescueOf(
  deps: OperationDeps,
  request: Extract<Request, { kind: 'rescue' }>,
): Promise<Planned> {
  const asked = { worker: request.worker, lockedLongerThanMs: undefined, force: false };
  const plan = await deps.read((tx) => planRescue(tx, asked));
  const dead = plan.filter(({ release }) => release);
  const held = dead.reduce((sum, each) => sum + each.jobs, 0);
  return {
    title:
      dead.length === 0
        ? 'Nothing to rescue: no dead worker holds jobs'
        : `Release ${jobs(held)} of ${dead.length} worker${dead.length === 1 ? '' : 's'}`,
    lines: plan.map(
      (each) =>
        `${each.release ? 'release' : 'leave'.padEnd(7)}      ${each.worker ?? each.locker}: ${jobs(each.jobs)} since ${formatRelative(each.oldest, deps.now())}, ${each.why}`,
    ),
    confirm: dead.length === 0 ? { by: 'nothing' } : { by: 'y' },
    total: 0,
    async apply() {
      const operator = await operatorOf(deps, request);
      const rescued = await applyRescue(await deps.db(), plan, asked, {
        operator,
        reason: undefined,
      });
      return {
        lines: [
          `Released ${jobs(rescued.jobs)}.`,
          ...(rescued.operation
            ? [
                'A mail that was being sent may have gone out: it will be held, not sent again.',
                auditLine(rescued.operation),
              ]
            : ['Others released them meanwhile, or their workers are back.']),
        ],
        stopped: false,
      };
    },
  };
}
