import type { Queryable } from '../../db/database.ts';
import { term } from '../../filter/parse.ts';
import { fingerprint, normaliseMessage } from '../fingerprint.ts';
import { FAILED_BY, FAILED_BY_OTHERS } from '../run/adopt.ts';
import { countSettledCharges, isCharge } from './settled-charges.ts';

/** Failures with the same cause. */
export interface ErrorGroup {
  fingerprint: string;
  tasks: string[];
  /** Jobs that are failed or held because of it now. */
  failed: number;
  held: number;
  /** How many of the failed jobs would have an effect when they are retried. */
  retryable: number;
  /** Failed attempts in the last window, and in the window before it. */
  recent: number;
  before: number;
  first: Date;
  last: Date;
  errorClass: string | null;
  message: string;
  example: string;
  /** A filter that selects exactly the failed jobs of this group. */
  filter: string;
}

export interface ErrorGroups {
  groups: ErrorGroup[];
  /** Whether there are more failures than the latest ones that were read. */
  more: boolean;
}

/** Only this many of the latest failures are grouped. */
const BOUND = 100_000;
const FOREIGN_BOUND = 10_000;

interface Row {
  fingerprint: string;
  tasks: string[];
  failed: number;
  held: number;
  recent: number;
  before: number;
  first: Date;
  last: Date;
  job: bigint;
  errorClass: string | null;
  message: string | null;
}

const GROUPS = `
  with standing as (
    select fingerprint, array_agg(task order by task) as tasks, sum(failed)::int as failed,
      sum(held)::int as held, min(first) as first, max(last) as last, max(job) as job
    from (
      select fingerprint, task, count(*) filter (where decision = 'fail') as failed,
        count(*) filter (where decision = 'hold') as held,
        min(decided_at) as first, max(decided_at) as last, max(job_id) as job
      from (select fingerprint, task, decision, decided_at, job_id from donations.job_verdicts
            where decision <> 'retry' and decided_at >= $1 order by decided_at desc limit ${BOUND}) latest
      group by fingerprint, task) of_task
    group by fingerprint
  ), trouble as (
    select fingerprint, array_agg(task order by task) as tasks, sum(recent)::int as recent,
      sum(before)::int as before, min(first) as first, max(last) as last, max(job) as job
    from (
      select fingerprint, task, count(*) filter (where started_at >= now() - $2::interval) as recent,
        count(*) filter (where started_at < now() - $2::interval) as before,
        min(started_at) as first, max(started_at) as last, max(job_id) as job
      from (select fingerprint, task, started_at, job_id from donations.job_attempts
          where outcome <> 'succeeded' and started_at >= now() - 2 * $2::interval
            order by started_at desc limit ${BOUND}) latest
      where fingerprint is not null group by fingerprint, task) of_task
    group by fingerprint
  ), groups as (
    select fingerprint, coalesce(s.tasks, t.tasks) as tasks, coalesce(s.failed, 0) as failed,
      coalesce(s.held, 0) as held, coalesce(t.recent, 0) as recent, coalesce(t.before, 0) as before,
      least(s.first, t.first) as first, greatest(s.last, t.last) as last, coalesce(s.job, t.job) as job
    from standing s full join trouble t using (fingerprint)
    order by coalesce(s.failed, 0) + coalesce(s.held, 0) desc, coalesce(t.recent, 0) desc limit $3
  )
  select g.*, coalesce(v.error_class, a.error_class) as "errorClass",
    coalesce(v.message, a.error_message) as message
  from groups g
  left join donations.job_verdicts v on v.job_id = g.job and v.fingerprint = g.fingerprint
  left join lateral (
    select a.error_class, a.error_message from donations.job_attempts a
    where v.job_id is null and a.job_id = g.job and a.fingerprint = g.fingerprint
    order by a.started_at desc limit 1) a on true
  order by g.failed + g.held desc, g.recent desc`;

/**
 * Groups failures by cause: jobs failed or held since a time, and failed attempts in the last
 * window and in the one before.
 *
 * @param windowMs the length of each window.
 */
export async function groupErrors(
  tx: Queryable,
  { since, windowMs, limit }: { since: Date; windowMs: number; limit: number },
): Promise<ErrorGroups> {
  const window = `${windowMs} milliseconds`;
  const { rows } = await tx.query<Row>(GROUPS, [since, window, limit]);
  const settled = await countSettledCharges(
    tx,
    rows.filter(({ failed, tasks }) => failed > 0 && tasks.some(isCharge)),
    { since, bound: BOUND },
  );
  const ours = rows.map(
    ({ job, message, ...row }): ErrorGroup => ({
      ...row,
      retryable: row.failed - (settled.get(row.fingerprint) ?? 0),
      message: message ?? '',
      example: job.toString(),
      filter: `fingerprint:${row.fingerprint}`,
    }),
  );
  const foreign = await groupForeign(tx, since);
  const groups = [...ours, ...foreign.groups]
    .sort((a, b) => b.failed + b.held - (a.failed + a.held) || b.recent - a.recent)
    .slice(0, limit);
  const counted = ours.reduce((sum, { failed, held }) => sum + failed + held, 0);
  return { groups, more: counted >= BOUND || foreign.more };
}

/** Jobs that other tools failed recently, and that no worker has adopted yet. */
async function groupForeign(
  tx: Queryable,
  since: Date,
): Promise<{ groups: ErrorGroup[]; more: boolean }> {
  const { rows } = await tx.query<{ id: string; task: string; at: Date; message: string }>(
    `select j.id::text, t.identifier as task, j.updated_at as at, left(coalesce(j.last_error, ''), 300) as message
     from graphile_worker._private_jobs j
     join graphile_worker._private_tasks t on t.id = j.task_id
     where ${FAILED_BY_OTHERS} and ${FAILED_BY} >= $1
     order by j.updated_at desc limit ${FOREIGN_BOUND}`,
    [since],
  );
  const groups = new Map<string, ErrorGroup>();
  for (const { id, task, at, message } of rows) {
    const print = fingerprint('unrecorded', message);
    const group = groups.get(print);
    if (group) {
      group.failed += 1;
      group.retryable += 1;
      if (!group.tasks.includes(task)) group.tasks.push(task);
      group.first = at;
      continue;
    }
    groups.set(print, {
      fingerprint: print,
      tasks: [task],
      failed: 1,
      retryable: 1,
      held: 0,
      recent: 0,
      before: 0,
      first: at,
      last: at,
      errorClass: null,
      message,
      example: id,
      filter: foreignFilter(task, message),
    });
  }
  return { groups: [...groups.values()], more: rows.length >= FOREIGN_BOUND };
}

/** The task and the longest constant part of the message. */
function foreignFilter(task: string, message: string): string {
  const same = normaliseMessage(message)
    .split(/<\w+>/)
    .map((part) => part.trim())
    .reduce((longest, part) => (part.length > longest.length ? part : longest), '');
  const terms = [`state:failed`, `task:${task}`];
  if (same) terms.push(term('error', same, '~'));
  return terms.join(' ');
}
