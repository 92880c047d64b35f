import { type Io, paint, plain, print, say } from '../../../lib/output/io.ts';
import { toJson } from '../../../lib/output/render.ts';
import { statusText, statusTone } from '../../../lib/output/status.ts';
import { formatDuration, formatRelative } from '../../../lib/output/time.ts';
import type { JobDetail, LedgerAttempt } from '../../../lib/queue/read/detail.ts';
import { commandsFor, whatNext, why } from './explain-job.ts';

/** Writes a job for people: the reason for its state, every attempt, the possible actions. */
export function tellJob(io: Io, detail: JobDetail, now: Date): void {
  const { job, id, task, donation, payload, attempts } = detail;
  const state = job ? paint(io, statusTone(job.state), statusText(job.state)) : detail.state;
  print(io, `${paint(io, 'bold', `job ${id}`)}  ${task}  ${state}`);
  const facts: [string, string | null | undefined][] = [
    ['why', why(detail, now)],
    ['error', job?.error],
    ['class', job?.errorClass && [job.errorClass, job.errorCode].filter(Boolean).join(', ')],
    ['next', whatNext(detail)],
    ['donation', donation && [donation, job?.donorName].filter(Boolean).join('  ')],
    ['payload', payload === undefined ? null : toJson(payload)],
    ['key', detail.key],
    ['queue', job?.queue],
    ['enqueued', job && `${formatRelative(job.createdAt, now)} (${job.createdAt.toISOString()})`],
    ['fingerprint', job?.fingerprint],
  ];
  for (const [name, text] of facts)
    if (text) print(io, `  ${paint(io, 'dim', name.padEnd(12))} ${plain(text)}`);
  print(io, attempts.length > 0 ? '' : '  The ledger has no attempt of it.');
  for (const attempt of attempts) print(io, attemptLine(io, attempt));
  const commands = commandsFor(detail);
  if (commands.length > 0)
    say(io, `\n${commands.map(({ when, command }) => `${when}: ${command}`).join('\n')}`);
}

function attemptLine(io: Io, each: LedgerAttempt): string {
  const good = each.outcome === 'succeeded' || each.outcome === 'declined';
  const facts = [
    `waited ${formatDuration(each.latencyMs)}`,
    `took ${formatDuration(each.durationMs)}`,
    each.httpStatus && `HTTP ${each.httpStatus}`,
    each.requestId,
    each.errorClass && [each.errorClass, each.errorCode].filter(Boolean).join(' '),
    each.worker,
    each.nextRunAt && `next at ${each.nextRunAt.toISOString()}`,
  ].filter(Boolean);
  const outcome = paint(
    io,
    good ? 'good' : each.outcome === 'retry' ? 'warn' : 'bad',
    each.outcome,
  );
  return `  ${each.startedAt.toISOString()}  attempt ${each.attempt}  ${outcome}${each.error ? `: ${plain(each.error)}` : ''}${paint(io, 'dim', `  · ${facts.join(' · ')}`)}`;
}
