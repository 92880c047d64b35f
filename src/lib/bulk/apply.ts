import { type Operator, recordAudit } from '../audit/record.ts';
import type { Db } from '../db/database.ts';
import { Params } from '../filter/compile.ts';
import type { Filter } from '../filter/parse.ts';
import { newId } from '../ids.ts';
import { conditionsOf, type JobSource, sourcesOf } from '../queue/job-sources.ts';
import { findKnownDonations } from '../queue/known-donations.ts';
import type { Change, ChosenJob } from './change.ts';
import type { Plan } from './plan.ts';

export interface ApplyOptions {
  change: Change;
  filter: Filter;
  plan: Plan;
  operator: Operator;
  reason: string | undefined;
  /** At most so many. */
  limit: number;
  /** Asked before each chunk, and told which jobs the last one changed: how large it may be, 0 to stop. */
  next: (last: string[]) => Promise<number>;
  /** Told after each chunk how many were changed so far. */
  onChunk: (changed: number) => void;
}

export interface Applied {
  /** The id of the audit entry; undefined when nothing was changed. */
  operation: string | undefined;
  changed: number;
}

/** Jobs of one transaction at most. */
export const CHUNK = 2000;

/**
 * Makes a change in chunks, each a transaction of its own with its audit entry: whatever ends it,
 * whole chunks are done, and doing it again does the rest. Jobs that another operator is changing
 * are left to them; jobs that came after the plan are left alone.
 */
export async function applyChange(db: Db, options: ApplyOptions): Promise<Applied> {
  const { filter, plan, limit, next, onChunk } = options;
  const most = Math.min(limit, plan.eligible);
  const known = await findKnownDonations(db, filter);
  const applied: Applied = { operation: undefined, changed: 0 };
  let last: string[] = [];
  for (const source of sourcesOf(filter)) {
    let after = '0';
    while (applied.changed < most) {
      const size = Math.min(await next(last), most - applied.changed);
      if (size === 0) return applied;
      const chunk = await applyChunk(db, options, source, { after, size, applied, known });
      if (!chunk) break;
      last = chunk.ids;
      after = last.at(-1) as string;
      applied.operation = chunk.operation;
      applied.changed += last.length;
      onChunk(applied.changed);
    }
  }
  return applied;
}

interface Place {
  after: string;
  size: number;
  applied: Applied;
  known: Awaited<ReturnType<typeof findKnownDonations>>;
}

/** @returns the jobs that were changed, in order of their ids; undefined when there are no more. */
async function applyChunk(
  db: Db,
  { change, filter, plan, operator, reason, limit }: ApplyOptions,
  source: JobSource,
  { after, size, applied, known }: Place,
): Promise<{ operation: string; ids: string[] } | undefined> {
  const params = new Params();
  const id = source.judged ? 'v.job_id' : 'j.id';
  const where = [
    conditionsOf(source, filter, known, params),
    `${change.skip(source, params)} is null`,
    `${source.at} <= ${params.add(plan.at)}::timestamptz + interval '1 millisecond'`,
    `${id} > ${params.add(after)}::bigint`,
  ];
  const attempts = source.judged ? 'coalesce(v.attempt, j.attempts)' : 'j.attempts';
  return db.transaction(async (tx) => {
    const { rows: jobs } = await tx.query<ChosenJob>(
      `select ${id}::text as id, '${source.state}' as state, ${attempts}::int as attempts,
         ${source.donation} as donation
       from ${source.from} where ${where.join(' and ')}
       order by ${id} limit ${size} for update of j${source.judged ? ', v' : ''} skip locked`,
      params.values,
    );
    if (jobs.length === 0) return undefined;
    const operation = applied.operation ?? newId('audit');
    const total = Math.min(limit, plan.eligible);
    const now = await change.apply(tx, jobs, { first: applied.changed, total, operation });
    const who = { ...operator, action: change.action, reason };
    if (!applied.operation) {
      const { eligible, skipped, tasks, effects } = plan;
      await recordAudit(tx, {
        ...who,
        id: operation,
        filter: filter.text,
        detail: { eligible, skipped, tasks, effects },
      });
    }
    await recordAudit(tx, {
      ...who,
      operation,
      affected: jobs.length,
      detail: {
        before: jobs.map((job) => [job.id, job.state, job.attempts]),
        after: now,
      },
    });
    return { operation, ids: jobs.map((job) => job.id) };
  });
}
