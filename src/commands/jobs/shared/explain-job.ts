import { formatDuration, formatRelative } from '../../../lib/output/time.ts';
import { describeRule, type FailureClass, POLICY } from '../../../lib/queue/policy.ts';
import type { JobDetail } from '../../../lib/queue/read/detail.ts';
import type { TaskName } from '../../../lib/queue/tasks.ts';

/** Explains in a sentence why the job is in its state. */
export function why({ job, state, pause, worker, discarded }: JobDetail, now: Date): string {
  if (!job) {
    if (state === 'discarded' && discarded)
      return `discarded by ${discarded.actor ?? 'somebody'} ${formatRelative(discarded.discardedAt, now)}${discarded.reason ? `: ${discarded.reason}` : ''}`;
    if (discarded?.restoredAs) return `discarded, and restored as job ${discarded.restoredAs}`;
    return state === 'done' ? 'it succeeded' : 'it was removed from the queue';
  }
  const since = formatDuration(Math.max(0, now.getTime() - job.at.getTime()));
  const paused = pause ? `; ${job.task} is paused: ${pause.reason}` : '';
  switch (job.state) {
    case 'ready':
      return `due for ${since}${paused}`;
    case 'running':
      return worker
        ? `running for ${since} on worker ${worker.id} (${worker.host}, pid ${worker.pid}), whose last heartbeat was ${formatRelative(worker.seenAt, now)}`
        : `running for ${since} on ${job.lockedBy}, a worker of another tool without a heartbeat here`;
    case 'scheduled':
      return `due ${formatRelative(job.runAt, now)} (${job.runAt.toISOString()})${paused}`;
    case 'retrying':
      return `attempt ${job.attempts} failed; next attempt ${formatRelative(job.runAt, now)} (${job.runAt.toISOString()})${paused}`;
    case 'failed':
      return `given up ${since} ago, after ${job.attempts} of ${job.maxAttempts} attempts`;
    case 'held':
      return `held for ${since}: it may have taken effect`;
  }
}

/** What happens next according to the policy. */
export function whatNext({ job, task, settled }: JobDetail): string | null {
  if (!job || job.state === 'scheduled' || job.state === 'running') return null;
  const rule = POLICY[task as TaskName]?.[job.errorClass as FailureClass];
  switch (job.state) {
    case 'ready':
      return 'the next free worker runs it';
    case 'retrying':
      return `attempt ${job.attempts + 1} of ${job.maxAttempts}`;
    case 'failed':
      if (settled === 'failed') return 'nothing: its donation has failed for good';
      if (settled === 'charged') return 'nothing: its donation is settled already';
      return `nothing by itself${rule ? ` (${job.errorClass}: ${describeRule(rule)})` : ''}`;
    case 'held':
      return 'nothing, until evidence or a person decides';
  }
}

/** The useful commands in this state. */
export function commandsFor({
  id,
  job,
  state,
  donation,
  task,
  pause,
  discarded,
  settled,
}: JobDetail): string[] {
  const commands: string[] = [];
  if (pause) commands.push(`donations jobs resume ${task}`);
  const runsAgain = state === 'failed' && settled === undefined;
  if (settled === 'failed') commands.push('donations donate --help');
  if (runsAgain) commands.push(`donations jobs retry ${id}`);
  if (runsAgain && job?.fingerprint)
    commands.push(`donations jobs retry fingerprint:${job.fingerprint} --dry-run`);
  if (state === 'held' && task === 'send_receipt')
    commands.push(`donations receipts resolve ${id} --sent | --resend`);
  else if (state === 'held') commands.push(`donations jobs retry ${id} --include-unknown`);
  if (state === 'retrying' || state === 'scheduled')
    commands.push(`donations jobs reschedule ${id} --now`);
  if (state === 'running')
    commands.push('donations worker list', 'donations jobs rescue --dry-run');
  if (state === 'discarded' && discarded) commands.push(`donations jobs restore ${id}`);
  if (donation) commands.push(`donations show ${donation}`);
  return commands;
}
