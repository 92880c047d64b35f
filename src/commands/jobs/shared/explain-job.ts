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

/** A command that makes sense now, and what it is for. */
export interface NextCommand {
  when: string;
  command: string;
}

/** The commands that make sense now. */
export function commandsFor({
  id,
  job,
  state,
  donation,
  task,
  pause,
  discarded,
  settled,
}: JobDetail): NextCommand[] {
  const commands: NextCommand[] = [];
  const add = (when: string, command: string) => commands.push({ when, command });
  if (pause) add('To let the task run again', `donations jobs resume ${task}`);
  const runsAgain = state === 'failed' && settled === undefined;
  if (settled === 'failed') add('To take a new gift', 'donations donate --help');
  if (runsAgain) add('To run it again', `donations jobs retry ${id}`);
  if (runsAgain && job?.fingerprint)
    add('Others with this error', `donations jobs retry fingerprint:${job.fingerprint} --dry-run`);
  if (state === 'held' && task === 'send_receipt') {
    add('If SendGrid says that it was sent', `donations receipts resolve ${id} --sent`);
    add('If it was not sent', `donations receipts resolve ${id} --resend`);
  } else if (state === 'held')
    add('If it had no effect', `donations jobs retry ${id} --include-unknown`);
  if (state === 'retrying' || state === 'scheduled')
    add('To run it now', `donations jobs reschedule ${id} --now`);
  if (state === 'running') {
    add('Who runs it', 'donations worker list');
    add('If its worker is dead', 'donations jobs rescue --dry-run');
  }
  if (state === 'discarded' && discarded) add('To put it back', `donations jobs restore ${id}`);
  if (donation) add('Its donation', `donations show ${donation}`);
  return commands;
}
