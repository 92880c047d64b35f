import { round } from '../../../lib/output/number.ts';
import type { Column } from '../../../lib/output/render.ts';
import { statusText, statusTone } from '../../../lib/output/status.ts';
import { formatDuration, inZone } from '../../../lib/output/time.ts';
import type { LoggedAttempt } from '../../../lib/queue/read/log.ts';

/** The columns of attempts, whose times people see in a zone. */
export const logColumns = (zone: string): Column<LoggedAttempt>[] => [
  {
    name: 'ended_at',
    header: 'TIME',
    value: (a) => a.endedAt,
    text: (a) => inZone(a.endedAt, zone).time,
  },
  { name: 'task', header: 'TASK', value: (a) => a.task, whole: true },
  {
    name: 'outcome',
    header: 'OUTCOME',
    value: (a) => a.outcome,
    text: (a) => statusText(a.outcome),
    tone: (a) => statusTone(a.outcome),
  },
  { name: 'donation', header: 'DONATION', value: (a) => a.donation, isId: true },
  { name: 'job', header: 'JOB', value: (a) => a.job, align: 'right', whole: true },
  { name: 'attempt', header: 'TRY', value: (a) => a.attempt, align: 'right' },
  {
    name: 'duration_ms',
    header: 'TOOK',
    value: (a) => round(a.durationMs),
    text: (a) => formatDuration(a.durationMs),
    align: 'right',
  },
  {
    name: 'latency_ms',
    header: 'WAITED',
    value: (a) => round(a.latencyMs),
    text: (a) => formatDuration(a.latencyMs),
    align: 'right',
    minor: true,
  },
  { name: 'error', header: 'ERROR', value: (a) => a.error },
  { name: 'error_class', header: 'CLASS', value: (a) => a.errorClass, wide: true },
  { name: 'error_code', header: 'CODE', value: (a) => a.errorCode, wide: true },
  { name: 'http_status', header: 'HTTP', value: (a) => a.httpStatus, wide: true },
  { name: 'request_id', header: 'REQUEST', value: (a) => a.requestId, wide: true },
  { name: 'worker', header: 'WORKER', value: (a) => a.worker, wide: true },
  { name: 'started_at', header: 'STARTED', value: (a) => a.startedAt, wide: true },
  { name: 'next_run_at', header: 'NEXT RUN', value: (a) => a.nextRunAt, wide: true },
];
