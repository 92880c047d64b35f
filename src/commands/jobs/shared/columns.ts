import type { Column } from '../../../lib/output/render.ts';
import { statusText, statusTone } from '../../../lib/output/status.ts';
import { formatDuration } from '../../../lib/output/time.ts';
import type { ListedJob } from '../../../lib/queue/read/list.ts';
import { donorColumn } from '../../shared/donor-column.ts';

/** The columns of a list of jobs. */
export const JOB_COLUMNS: Column<ListedJob>[] = [
  { name: 'job', header: 'JOB', value: (job) => job.id, align: 'right', whole: true },
  { name: 'task', header: 'TASK', value: (job) => job.task, whole: true },
  {
    name: 'status',
    header: 'STATUS',
    value: (job) => job.state,
    text: (job) => statusText(job.state),
    tone: (job) => statusTone(job.state),
  },
  {
    name: 'donation',
    header: 'DONATION',
    value: (job) => job.donation,
    isId: true,
  },
  {
    ...donorColumn<ListedJob>((job) =>
      job.donor ? { id: job.donor, name: job.donorName, email: job.donorEmail } : null,
    ),
    minor: true,
  },
  {
    name: 'attempts',
    header: 'TRIES',
    value: (job) => job.attempts,
    text: (job) => `${job.attempts}/${job.maxAttempts}`,
    align: 'right',
  },
  {
    name: 'run_at',
    header: 'NEXT RUN',
    value: (job) => (willRun(job) ? job.runAt : null),
    minor: true,
  },
  {
    name: 'at',
    header: 'AGE',
    value: (job) => job.at,
    text: (job, now) => formatDuration(Math.max(0, now.getTime() - job.at.getTime())),
    align: 'right',
  },
  {
    name: 'last_error',
    header: 'LAST ERROR',
    value: (job) => job.error,
    text: (job) => job.error ?? '',
  },
  { name: 'max_attempts', header: 'MAX', value: (job) => job.maxAttempts, wide: true },
  { name: 'error_class', header: 'CLASS', value: (job) => job.errorClass, wide: true },
  { name: 'error_code', header: 'CODE', value: (job) => job.errorCode, wide: true },
  { name: 'fingerprint', header: 'FINGERPRINT', value: (job) => job.fingerprint, wide: true },
  { name: 'queue', header: 'QUEUE', value: (job) => job.queue, wide: true },
  { name: 'created_at', header: 'ENQUEUED', value: (job) => job.createdAt, wide: true },
  { name: 'locked_by', header: 'LOCKED BY', value: (job) => job.lockedBy, wide: true },
];

const willRun = ({ state }: ListedJob) =>
  state === 'ready' || state === 'retrying' || state === 'scheduled';
