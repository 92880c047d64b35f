import { type Operator, recordAudit } from '../audit/record.ts';
import type { Db } from '../db/database.ts';
import { NO_JIT } from '../db/read.ts';
import { Params } from '../filter/compile.ts';
import type { Filter } from '../filter/parse.ts';
import { newId } from '../ids.ts';
import { conditionsOf, type JobSource, sourcesOf } from '../queue/job-sources.ts';
import { findKnownDonations } from '../queue/known-donations.ts';
import type { Change, Chunk } from './change.ts';
import type { Plan } from './plan.ts';

export interface ApplyOptions {
  change: Change;
  filter: Filter;
  plan: Plan;
  operator: Operator;
  reason: string | undefined;
  /** At most so many. */
  limit: number;
  /**
   * Asked before each chunk: how large it may be, 0 to stop. Told which jobs the last one changed, as
   * a Postgres array.
   */
  next: (last: string) => Promise<number>;
  /** Told after each chunk how many were changed so far. */
  onChunk: (changed: number) => void;
}

export interface Applied {
  /** The id of the audit entry; undefined when nothing was changed. */
  operation: string | undefined;
  changed: number;
}

// Walking along the index and stopping, and each row of another table by its key, rather than joining
// all there is for each chunk; also where the statistics still tell of the time before the outage.
const PLANS = ['hashjoin', 'mergejoin', 'sort', 'seqscan', 'material'];
const WALK = PLANS.map((plan) => `set local enable_${plan} = off`).join(';');

/** Jobs of one transaction at most. */
export const CHUNK = 4000;

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
  let last = '{}';
  for (const source of sourcesOf(filter)) {
    let after: string[] | undefined;
    while (applied.changed < most) {
      const size = Math.min(await next(last), most - applied.changed);
      if (size === 0) return applied;
      const chunk = await applyChunk(db, options, source, { after, size, applied, known });
      if (!chunk) break;
      last = chunk.ids;
      after = chunk.reached;
      applied.operation = chunk.operation;
      applied.changed += chunk.count;
      onChunk(applied.changed);
    }
  }
  return applied;
}

interface Walk {
  /** Where the walk over the source has come to. */
  after: string[] | undefined;
  size: number;
  applied: Applied;
  known: Awaited<ReturnType<typeof findKnownDonations>>;
}

/** @returns the jobs that were changed; undefined when there are no more. */
async function applyChunk(
  db: Db,
  { change, filter, plan, operator, reason, limit }: ApplyOptions,
  source: JobSource,
  { after, size, applied, known }: Walk,
): Promise<{ operation: string; count: number; ids: string; reached: string[] } | undefined> {
  const params = new Params();
  const text = selectChunk(source, size, params, [
    conditionsOf(source, filter, known, params),
    `${change.skip(source, params)} is null`,
    `${source.at} <= ${params.add(plan.at)}::timestamptz + interval '1 millisecond'`,
    ...(after ? [isBeyond(source, after, params)] : []),
  ]);
  return db.transaction(async (tx) => {
    await tx.query(`${NO_JIT}; ${WALK}`);
    const { rows } = await tx.query<Chunk & { attempts: string; reached: string[] }>(
      text,
      params.values,
    );
    const chunk = rows[0];
    if (!chunk || chunk.count === 0) return undefined;
    const { ids, count, reached } = chunk;
    const operation = applied.operation ?? newId('audit');
    const total = Math.min(limit, plan.eligible);
    const now = await change.apply(tx, chunk, { first: applied.changed, total, operation });
    const who = { ...operator, action: change.action, reason };
    if (!applied.operation) {
      const { eligible, skipped, tasks, effects } = plan;
      const detail = JSON.stringify({ eligible, skipped, tasks, effects });
      await recordAudit(tx, { ...who, id: operation, filter: filter.text, detail });
    }
    const before = `{"state":"${source.state}","jobs":${toJsonArray(ids)},"attempts":${toJsonArray(chunk.attempts)}}`;
    const detail = `{"before":${before},"after":${JSON.stringify(now)}}`;
    await recordAudit(tx, { ...who, operation, affected: count, detail });
    return { operation, count, ids, reached };
  });
}

/** `{1,2}` as `[1,2]`: of numbers only. */
const toJsonArray = (array: string) => `[${array.slice(1, -1)}]`;

/** Chooses and locks the next jobs of a source, as one row. Those that somebody else has locked are left to them. */
function selectChunk(source: JobSource, size: number, params: Params, where: string[]): string {
  const columns = source.walk.map(({ sql }) => sql);
  const attempts = source.judged ? 'coalesce(v.attempt, j.attempts)' : 'j.attempts';
  const last = (i: number) => `(array_agg(walk${i}))[count(*)]::text`;
  return `
    select '${source.state}' as state, count(*)::int as count, array_agg(id)::text as ids,
      array_agg(attempts)::text as attempts, coalesce(array_agg(donation), '{}')::text as donations,
      array[${columns.map((_, i) => last(i)).join(', ')}] as reached
    from (
      select j.id, ${attempts} as attempts, ${source.donation} as donation,
        ${columns.map((column, i) => `${column} as walk${i}`).join(', ')}
      from ${source.from} where ${where.join(' and ')}
      order by ${columns.join(', ')} limit ${params.add(size)}::int
      for update of ${source.judged ? 'v' : 'j'} skip locked
    ) chosen`;
}

function isBeyond({ walk }: JobSource, after: string[], params: Params): string {
  const places = walk.map(({ type }, i) => `${params.add(after[i])}::${type}`);
  return `(${walk.map(({ sql }) => sql).join(', ')}) > (${places.join(', ')})`;
}
