import { type Operator, recordAudit } from '../../audit/record.ts';
import type { Db, Queryable } from '../../db/database.ts';
import { NO_JIT } from '../../db/read.ts';
import { Params } from '../../filter/compile.ts';
import type { Filter } from '../../filter/parse.ts';
import { newId } from '../../ids.ts';
import { findKnownDonations } from '../read/known-donations.ts';
import { conditionsOf, type JobSource, sourcesOf } from '../read/sources.ts';
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
  /** Chunks that may be under way at once; 1 where each waits for what became of the one before. */
  atOnce: number;
  /**
   * Asked before each chunk: how large it may be, 0 to stop. Told which jobs the last one that is done
   * changed, as a Postgres array.
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
 * are left to them; jobs that came after the plan are left alone. The next jobs are looked for while
 * those before are being changed.
 */
export async function applyChange(db: Db, options: ApplyOptions): Promise<Applied> {
  const { filter, plan, limit, atOnce, next, onChunk } = options;
  const most = Math.min(limit, plan.eligible);
  const known = await findKnownDonations(db, filter);
  const applied: Applied = { operation: undefined, changed: 0 };
  const underWay = new Set<Promise<void>>();
  let last = '{}';

  /** @returns what was chosen, as soon as it is: it is under way then. */
  const begin = (chunk: Omit<Walk, 'known' | 'operation'>) =>
    new Promise<Chosen | undefined>((resolve, reject) => {
      const walk = { ...chunk, known, operation: applied.operation };
      const done = db.transaction(async (tx) => {
        const chosen = await chooseChunk(tx, options, walk);
        resolve(chosen);
        if (!chosen) return;
        const operation = await changeChunk(tx, options, walk, chosen);
        return { operation, chosen };
      });
      const told = done.then((changed) => {
        underWay.delete(told);
        if (!changed) return;
        last = changed.chosen.ids;
        applied.operation = changed.operation;
        applied.changed += changed.chosen.count;
        onChunk(applied.changed);
      });
      underWay.add(told);
      told.catch(reject);
    });

  const beginAll = async () => {
    let first = 0;
    for (const source of sourcesOf(filter)) {
      let after: string[] | undefined;
      while (first < most) {
        // The others are part of the first one's audit entry.
        while (underWay.size >= (applied.operation ? atOnce : 1)) await Promise.race(underWay);
        const size = Math.min(await next(last), most - first);
        if (size === 0) return;
        const chosen = await begin({ source, after, size, first });
        if (!chosen) break;
        after = chosen.reached;
        first += chosen.count;
      }
    }
  };

  try {
    await beginAll();
    await Promise.all(underWay);
  } finally {
    // Also when one has failed: nothing goes on behind the caller's back.
    await Promise.allSettled(underWay);
  }
  return applied;
}

interface Walk {
  source: JobSource;
  /** Where the walk over the source has come to. */
  after: string[] | undefined;
  size: number;
  /** How many were chosen before. */
  first: number;
  known: Awaited<ReturnType<typeof findKnownDonations>>;
  /** The audit entry of the change; the first chunk makes it. */
  operation: string | undefined;
}

type Chosen = Chunk & { attempts: string; reached: string[] };

/** @returns the next jobs, locked; undefined when there are no more. */
async function chooseChunk(
  tx: Queryable,
  { change, filter, plan }: ApplyOptions,
  { source, after, size, known }: Walk,
): Promise<Chosen | undefined> {
  const params = new Params();
  const text = selectChunk(source, size, params, [
    conditionsOf(source, filter, known, params),
    `${change.skip(source, params)} is null`,
    `${source.at} <= ${params.add(plan.at)}::timestamptz + interval '1 millisecond'`,
    ...(after ? [isBeyond(source, after, params)] : []),
  ]);
  await tx.query(`${NO_JIT}; ${WALK}`);
  const { rows } = await tx.query<Chosen>(text, params.values);
  const [chosen] = rows;
  return chosen && chosen.count > 0 ? chosen : undefined;
}

/** @returns the audit entry of the change. */
async function changeChunk(
  tx: Queryable,
  { change, filter, plan, operator, reason, limit }: ApplyOptions,
  { source, first, ...walk }: Walk,
  chosen: Chosen,
): Promise<string> {
  const operation = walk.operation ?? newId('audit');
  const total = Math.min(limit, plan.eligible);
  const now = await change.apply(tx, chosen, { first, total, operation });
  const who = { ...operator, action: change.action, reason };
  if (!walk.operation) {
    const { eligible, skipped, tasks, effects } = plan;
    const detail = JSON.stringify({ eligible, skipped, tasks, effects });
    await recordAudit(tx, { ...who, id: operation, filter: filter.text, detail });
  }
  const before = `{"state":"${source.state}","jobs":${toJsonArray(chosen.ids)},"attempts":${toJsonArray(chosen.attempts)}}`;
  const detail = `{"before":${before},"after":${JSON.stringify(now)}}`;
  await recordAudit(tx, { ...who, operation, affected: chosen.count, detail });
  return operation;
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
