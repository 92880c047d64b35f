import type { Column } from '../../../lib/output/render.ts';
import { snakeCase } from '../../../lib/output/snake-case.ts';
import type { JobDetail, LedgerAttempt } from '../../../lib/queue/read/detail.ts';
import { JOB_COLUMNS } from './columns.ts';
import { commandsFor, whatNext } from './explain-job.ts';

const field = (name: string, value: (detail: JobDetail) => unknown): Column<JobDetail> => ({
  name,
  header: name,
  value,
});

/** Known of a job that has left the queue, too. */
const SHOWN_ANYWAY = ['job', 'task', 'status', 'donation', 'attempts'];

/** The fields of one job for scripts. */
export const JOB_FIELDS: Column<JobDetail>[] = [
  field('job', ({ id }) => id),
  field('task', ({ task }) => task),
  field('status', ({ state }) => state),
  ...JOB_COLUMNS.filter(({ name }) => !SHOWN_ANYWAY.includes(name)).map(({ name, value }) =>
    field(name, ({ job }) => job && value(job)),
  ),
  field('payload', ({ payload }) => payload),
  field('key', ({ key }) => key),
  field('priority', ({ priority }) => priority),
  field('donation', ({ donation }) => donation),
  // A job that has left the queue has its attempts in the ledger.
  field('attempts', ({ job, attempts }) => job?.attempts ?? attempts.length),
  field('history', ({ attempts }) => attempts.map(attemptFields)),
  field(
    'discarded',
    ({ discarded }) =>
      discarded && {
        audit: discarded.operation,
        discarded_at: discarded.discardedAt,
        actor: discarded.actor,
        reason: discarded.reason,
        restored_as: discarded.restoredAs,
      },
  ),
  field('pause', ({ pause }) => snakeCase(pause)),
  field(
    'runs_on',
    ({ worker }) =>
      worker && { worker: worker.id, host: worker.host, pid: worker.pid, seen_at: worker.seenAt },
  ),
  field('next', whatNext),
  field('commands', (detail) => commandsFor(detail).map(({ command }) => command)),
];

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
