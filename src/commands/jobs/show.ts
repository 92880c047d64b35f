import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { type Io, paint, plain, print, say } from '../../lib/output/io.ts';
import {
  chosenFormat,
  fieldsOf,
  type OutputOptions,
  renderOne,
  toJson,
} from '../../lib/output/render.ts';
import { statusText, statusTone } from '../../lib/output/status.ts';
import { formatDuration, formatRelative } from '../../lib/output/time.ts';
import { describeRule, type FailureClass, POLICY } from '../../lib/queue/policy.ts';
import type { JobDetail, LedgerAttempt } from '../../lib/queue/read/detail.ts';
import type { TaskName } from '../../lib/queue/tasks.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';

const FIELDS = fieldsOf(
  'id',
  'task',
  'state',
  'job',
  'payload',
  'key',
  'priority',
  'donation',
  'attempts',
  'discarded',
  'pause',
  'worker',
  'next',
  'commands',
);

/** `donations jobs show <id>`: one job, why it is where it is, and what can be done. */
export function jobsShowCommand(context: Context): Command {
  const command = new Command('show')
    .description('one job: payload, state and why, every attempt, what comes next')
    .argument('<id>', 'job id');
  return examples(withOutput(command, FIELDS), [
    ['donations jobs show 4711', 'why it failed, and what to do'],
    ['donations jobs show 4711 --json', 'for a script'],
  ]).action(async (id: string, options: OutputOptions) => {
    if (!/^\d{1,18}$/.test(id))
      throw usageError(`"${id}" is not a job's id`, 'Of a donation tells: donations show <id>');
    const { describeJob } = await import('../../lib/queue/read/detail.ts');
    const detail = await context.read((tx) => describeJob(tx, id));
    const { io, clock } = context;
    if (chosenFormat(options).format === 'table') tell(io, detail, clock.now());
    else {
      const told = { ...detail, next: whatNext(detail), commands: commandsFor(detail) };
      renderOne(io, options, FIELDS, told);
    }
  });
}

function tell(io: Io, detail: JobDetail, now: Date): void {
  const { job, id, task, donation, payload, attempts } = detail;
  const state = job ? paint(io, statusTone(job.state), statusText(job.state)) : detail.state;
  print(io, `${paint(io, 'bold', `job ${id}`)}  ${task}  ${state}`);
  const facts: [string, string | null | undefined][] = [
    ['why', why(detail, now)],
    ['error', job?.error],
    ['class', job?.error_class && [job.error_class, job.error_code].filter(Boolean).join(', ')],
    ['next', whatNext(detail)],
    ['donation', donation && [donation, job?.donor_name].filter(Boolean).join('  ')],
    ['payload', payload === undefined ? null : toJson(payload)],
    ['key', detail.key],
    ['queue', job?.queue],
    ['enqueued', job && `${formatRelative(job.created_at, now)} (${job.created_at.toISOString()})`],
    ['fingerprint', job?.fingerprint],
  ];
  for (const [name, text] of facts)
    if (text) print(io, `  ${paint(io, 'dim', name.padEnd(12))} ${plain(text)}`);
  print(io, attempts.length > 0 ? '' : '  No attempt of it is on record.');
  for (const attempt of attempts) print(io, attemptLine(io, attempt));
  const commands = commandsFor(detail);
  if (commands.length > 0) say(io, `\nNext: ${commands.join('\n      ')}`);
}

function attemptLine(io: Io, each: LedgerAttempt): string {
  const facts = [
    `waited ${formatDuration(each.latency_ms)}`,
    `took ${formatDuration(each.duration_ms)}`,
    each.http_status && `HTTP ${each.http_status}`,
    each.request_id,
    each.error_class && [each.error_class, each.error_code].filter(Boolean).join(' '),
    each.worker,
    each.next_run_at && `next at ${each.next_run_at.toISOString()}`,
  ].filter(Boolean);
  const outcome = paint(io, statusTone(each.outcome), each.outcome);
  return `  ${each.started_at.toISOString()}  attempt ${each.attempt}  ${outcome}${each.error ? `: ${plain(each.error)}` : ''}${paint(io, 'dim', `  · ${facts.join(' · ')}`)}`;
}

/** Why it is in its state, in a sentence. */
function why({ job, state, pause, worker, discarded }: JobDetail, now: Date): string {
  if (!job) {
    if (state === 'discarded' && discarded)
      return `discarded by ${discarded.actor ?? 'somebody'} ${formatRelative(discarded.discarded_at, now)}${discarded.reason ? `: ${discarded.reason}` : ''}`;
    if (discarded?.restored_as) return `discarded, and restored as job ${discarded.restored_as}`;
    return state === 'done' ? 'it came through' : 'it was taken out of the queue';
  }
  const since = formatDuration(Math.max(0, now.getTime() - job.at.getTime()));
  const paused = pause ? `; ${job.task} is paused: ${pause.reason}` : '';
  switch (job.state) {
    case 'ready':
      return `due for ${since}${paused}`;
    case 'running':
      return worker
        ? `worker ${worker.id} (${worker.host}, pid ${worker.pid}) has it for ${since}; it was seen ${formatRelative(worker.seen_at, now)}`
        : `${job.locked_by} has it for ${since}, which keeps no heartbeat here`;
    case 'scheduled':
      return `due ${formatRelative(job.run_at, now)} (${job.run_at.toISOString()})${paused}`;
    case 'retrying':
      return `attempt ${job.attempts} failed; again ${formatRelative(job.run_at, now)} (${job.run_at.toISOString()})${paused}`;
    case 'failed':
      return `given up ${since} ago, after ${job.attempts} of ${job.max_attempts} attempts`;
    case 'held':
      return `held for ${since}: nobody knows whether it has had its effect`;
  }
}

/** What the policy will do about it. */
function whatNext({ job, task }: JobDetail): string | null {
  if (!job || job.state === 'scheduled' || job.state === 'running') return null;
  const rule = POLICY[task as TaskName]?.[job.error_class as FailureClass];
  switch (job.state) {
    case 'ready':
      return 'the next free worker runs it';
    case 'retrying':
      return `attempt ${job.attempts + 1} of ${job.max_attempts}`;
    case 'failed':
      return `nothing by itself${rule ? ` (${job.error_class}: ${describeRule(rule)})` : ''}`;
    case 'held':
      return 'nothing, until evidence or a person says what happened';
  }
}

/** The commands that make sense now. */
function commandsFor({ id, job, state, donation, task, pause, discarded }: JobDetail): string[] {
  const commands: string[] = [];
  if (pause) commands.push(`donations jobs resume ${task}`);
  if (state === 'failed') commands.push(`donations jobs retry ${id}`);
  if (state === 'failed' && job?.fingerprint)
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
