import type { Column } from '../../../lib/output/render.ts';
import type { JobDetail, LedgerAttempt } from '../../../lib/queue/read/detail.ts';
import type { ListedJob } from '../../../lib/queue/read/list.ts';
import { commandsFor, whatNext } from './explain-job.ts';

const field = (name: string, value: (detail: JobDetail) => unknown): Column<JobDetail> => ({
  name,
  header: name,
  value,
});

/** The fields of one job for scripts. */
export const JOB_FIELDS: Column<JobDetail>[] = [
  field('id', ({ id }) => id),
  field('task', ({ task }) => task),
  field('state', ({ state }) => state),
  field('job', ({ job }) => job && jobFields(job)),
  field('payload', ({ payload }) => payload),
  field('key', ({ key }) => key),
  field('priority', ({ priority }) => priority),
  field('donation', ({ donation }) => donation),
  field('attempts', ({ attempts }) => attempts.map(attemptFields)),
  field(
    'discarded',
    ({ discarded }) =>
      discarded && {
        operation: discarded.operation,
        discarded_at: discarded.discardedAt,
        actor: discarded.actor,
        reason: discarded.reason,
        restored_as: discarded.restoredAs,
      },
  ),
  field('pause', ({ pause }) => pause),
  field(
    'worker',
    ({ worker }) =>
      worker && { id: worker.id, host: worker.host, pid: worker.pid, seen_at: worker.seenAt },
  ),
  field('next', whatNext),
  field('commands', (detail) => commandsFor(detail).map(({ command }) => command)),
];

const jobFields = (job: ListedJob) => ({
  id: job.id,
  task: job.task,
  queue: job.queue,
  state: job.state,
  attempts: job.attempts,
  max_attempts: job.maxAttempts,
  run_at: job.runAt,
  at: job.at,
  created_at: job.createdAt,
  locked_by: job.lockedBy,
  error: job.error,
  error_class: job.errorClass,
  error_code: job.errorCode,
  fingerprint: job.fingerprint,
  donation: job.donation,
  donor: job.donor,
  donor_name: job.donorName,
});

const attemptFields = (attempt: LedgerAttempt) => ({
  attempt: attempt.attempt,
  started_at: attempt.startedAt,
  latency_ms: attempt.latencyMs,
  duration_ms: attempt.durationMs,
  outcome: attempt.outcome,
  worker: attempt.worker,
  error_class: attempt.errorClass,
  error_code: attempt.errorCode,
  error: attempt.error,
  http_status: attempt.httpStatus,
  request_id: attempt.requestId,
  next_run_at: attempt.nextRunAt,
});
