import type { TaskName } from '../lib/queue/tasks.ts';

/** Recurring jobs: Graphile Worker enqueues each once, however many workers run. Times are UTC. */
export const CRONTAB: { task: TaskName; match: string }[] = [
  { task: 'maintain_ledger', match: '17 3 * * *' },
  { task: 'sample_queue', match: '* * * * *' },
];
