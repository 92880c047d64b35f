import { discard } from '../../../lib/queue/change/discard.ts';
import { reschedule } from '../../../lib/queue/change/reschedule.ts';
import { retry } from '../../../lib/queue/change/retry.ts';
import type { Request } from '../requests.ts';
import { planAcknowledge, planSilence, planUnsilence } from './alerts.ts';
import { delayOf, planJobs } from './jobs.ts';
import { planPause, planResume } from './pauses.ts';
import type { OperationDeps, Planned } from './planned.ts';
import { planResend, planResolve } from './receipts.ts';
import { planRescueOf } from './rescue.ts';
import { planRestore } from './restore.ts';

/** Plans a request by the operations that the commands use; nothing is changed yet. */
export async function planRequest(deps: OperationDeps, request: Request): Promise<Planned> {
  const planned = await planOf(deps, request);
  return {
    ...planned,
    apply: (...given) => deps.inSpan(`monitor ${request.kind}`, () => planned.apply(...given)),
  };
}

async function planOf(deps: OperationDeps, request: Request): Promise<Planned> {
  switch (request.kind) {
    case 'retry':
      return planJobs(deps, request, retry({ timing: { delayMs: 0 }, includeUnknown: false }));
    case 'discard':
      return planJobs(deps, request, discard({ includeUnsettled: false }));
    case 'reschedule': {
      const delayMs = delayOf(request.when, deps.now());
      return planJobs(deps, request, reschedule({ timing: { delayMs } }));
    }
    case 'pause':
      return planPause(deps, request);
    case 'resume':
      return planResume(deps, request);
    case 'restore':
      return planRestore(deps, request);
    case 'rescue':
      return planRescueOf(deps, request);
    case 'resolve':
      return planResolve(deps, request);
    case 'resend':
      return planResend(deps, request);
    case 'acknowledge':
      return planAcknowledge(deps, request);
    case 'silence':
      return planSilence(deps, request);
    case 'unsilence':
      return planUnsilence(deps, request);
  }
}
