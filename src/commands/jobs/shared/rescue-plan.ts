import type { Command } from 'commander';
import { UserError, usageError } from '../../../lib/errors.ts';
import type { Column, OutputOptions } from '../../../lib/output/render.ts';
import { parseDuration } from '../../../lib/parse.ts';
import type { Locker, RescueRequest } from '../../../lib/queue/change/rescue.ts';
import { CompletedOption, recent } from '../../shared/completed.ts';
import { tasksInShort } from './tasks-in-short.ts';

export interface RescueOptions extends OutputOptions {
  worker?: string;
  lockedLongerThan?: string;
  force?: boolean;
  dryRun?: boolean;
  yes?: boolean;
  reason?: string;
}

/** Adds the options that select the lockers, and those for confirmation. */
export const withLockers = (command: Command): Command =>
  command
    .addOption(
      new CompletedOption(
        '--worker <id>',
        'this dead worker: wrk_…, or the name in locked_by',
        recent('worker'),
      ),
    )
    .option(
      '--locked-longer-than <time>',
      'also workers of other tools that have held a job this long and locked none since',
    )
    .option('--force', 'with one of these: even if it seems to be alive; its jobs may run twice')
    .option('--dry-run', 'show what would be done, and do nothing')
    .option('--yes', 'do not ask')
    .option('--reason <text>', 'why, for the audit trail');

/** The columns of lockers. */
export const LOCKER_COLUMNS: Column<Locker>[] = [
  { name: 'worker', header: 'WORKER', value: (l) => l.worker ?? l.locker, isId: true },
  { name: 'locked_by', header: 'LOCKED BY', value: (l) => l.locker, wide: true },
  { name: 'host', header: 'HOST', value: (l) => l.host, minor: true },
  { name: 'pid', header: 'PID', value: (l) => l.pid, wide: true },
  { name: 'status', header: 'STATUS', value: (l) => l.state },
  { name: 'job_count', header: 'JOBS', value: (l) => l.jobs, align: 'right' },
  { name: 'oldest_lock_at', header: 'OLDEST LOCK', value: (l) => l.oldest },
  { name: 'latest_lock_at', header: 'LATEST LOCK', value: (l) => l.latest, minor: true },
  {
    name: 'tasks',
    header: 'TASKS',
    value: (l) => l.tasks,
    text: (l) => tasksInShort(l.tasks),
    whole: true,
  },
  {
    name: 'release',
    header: 'RELEASE',
    value: (l) => l.release,
    text: (l) => (l.release ? 'yes' : 'no'),
    tone: (l) => (l.release ? 'warn' : 'dim'),
  },
  { name: 'reason', header: 'WHY', value: (l) => l.why },
];

/**
 * The request that the options make.
 * @throws UserError `usage`.
 */
export function rescueRequest({
  worker,
  lockedLongerThan,
  force = false,
}: RescueOptions): RescueRequest {
  if (force && worker === undefined && lockedLongerThan === undefined) {
    throw usageError(
      '--force needs a worker: without one, jobs of live workers would run twice',
      'Name the worker with --worker, or use --locked-longer-than.',
    );
  }
  const lockedLongerThanMs =
    lockedLongerThan === undefined ? undefined : parseDuration(lockedLongerThan);
  return { worker, force, lockedLongerThanMs };
}

/** The error for a named worker whose jobs are not released. */
export const refusal = (worker: string, { why }: Locker) =>
  new UserError(
    'failed',
    `the jobs of ${worker} are not released: ${why}`,
    'If it is alive, its jobs would run twice at once. Make sure that it is dead: donations worker list',
  );

/** Explains why there is nothing to release. */
export function nothingToRescue({ worker, lockedLongerThanMs }: RescueRequest): string {
  if (worker !== undefined) return `Nothing to rescue: ${worker} holds no jobs.`;
  return lockedLongerThanMs === undefined
    ? 'Nothing to rescue: no dead worker holds jobs.'
    : 'Nothing to rescue: no job has been held for that long.';
}
