import type { Command } from 'commander';
import { UserError, usageError } from '../../../lib/errors.ts';
import type { Column, OutputOptions } from '../../../lib/output/render.ts';
import { parseDuration } from '../../../lib/parse.ts';
import type { Locker, RescueRequest } from '../../../lib/queue/change/rescue.ts';

export interface RescueOptions extends OutputOptions {
  worker?: string;
  lockedLongerThan?: string;
  force?: boolean;
  dryRun?: boolean;
  yes?: boolean;
  reason?: string;
}

/** Adds what says whose jobs are meant, and how carefully they are released. */
export const withLockers = (command: Command): Command =>
  command
    .option('--worker <id>', 'of this one, which is dead: wrk_…, or the name it locks jobs under')
    .option('--locked-longer-than <time>', 'also of other tools: those that locked nothing since')
    .option('--force', 'with one of these: though it seems to be alive; its jobs may run twice')
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('--yes', 'ask nothing')
    .option('--reason <text>', 'why, for the audit trail');

/** Who holds jobs, and whether they are released. */
export const LOCKER_COLUMNS: Column<Locker>[] = [
  { name: 'worker', header: 'WORKER', value: (l) => l.worker ?? l.locker },
  { name: 'locker', header: 'LOCKED BY', value: (l) => l.locker, wide: true },
  { name: 'host', header: 'HOST', value: (l) => l.host },
  { name: 'pid', header: 'PID', value: (l) => l.pid, wide: true },
  { name: 'state', header: 'STATE', value: (l) => l.state },
  { name: 'jobs', header: 'JOBS', value: (l) => l.jobs, align: 'right' },
  { name: 'oldest_lock', header: 'OLDEST LOCK', value: (l) => l.oldest },
  { name: 'latest_lock', header: 'LATEST LOCK', value: (l) => l.latest },
  { name: 'tasks', header: 'TASKS', value: (l) => l.tasks, text: (l) => l.tasks.join(', ') },
  {
    name: 'release',
    header: 'RELEASE',
    value: (l) => l.release,
    text: (l) => (l.release ? 'yes' : 'no'),
    tone: (l) => (l.release ? 'warn' : 'dim'),
  },
  { name: 'why', header: 'WHY', value: (l) => l.why },
];

/**
 * Whose jobs are meant.
 * @throws UserError `usage`.
 */
export function rescueRequest({
  worker,
  lockedLongerThan,
  force = false,
}: RescueOptions): RescueRequest {
  if (force && worker === undefined && lockedLongerThan === undefined) {
    throw usageError(
      '--force needs a worker: the jobs of all live ones would run twice',
      'Name one with --worker, or say --locked-longer-than.',
    );
  }
  const lockedLongerThanMs =
    lockedLongerThan === undefined ? undefined : parseDuration(lockedLongerThan);
  return { worker, force, lockedLongerThanMs };
}

/** A worker that was named and whose jobs are not released. */
export const refusal = (worker: string, { why }: Locker) =>
  new UserError(
    'failed',
    `the jobs of ${worker} are not released: ${why}`,
    'They would run twice at once. If you know better: --force',
  );

/** Why there is nothing to release. */
export function nothingToRescue({ worker, lockedLongerThanMs }: RescueRequest): string {
  if (worker !== undefined) return `Nothing to rescue: ${worker} holds no jobs.`;
  return lockedLongerThanMs === undefined
    ? 'Nothing to rescue: no dead worker holds jobs.'
    : 'Nothing to rescue: nobody has held a job for that long.';
}
