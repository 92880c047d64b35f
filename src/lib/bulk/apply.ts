import { type Actor, recordAudit } from '../audit/record.ts';
import type { Db, Queryable } from '../db/database.ts';
import { newId } from '../ids.ts';
import type { BulkChange, Chosen, Pacing, Plan, Walk } from './change.ts';

export interface ApplyOptions<P extends Plan> {
  plan: P;
  operator: Actor;
  reason: string | undefined;
  pacing: Pacing;
  /** Called after each chunk with the number changed so far. */
  onChunk: (changed: number) => void;
}

export interface Applied {
  /** The id of the audit entry; undefined when nothing was changed. */
  operation: string | undefined;
  changed: number;
}

/**
 * Applies a change in chunks. Each chunk is one transaction with its audit entry, so an
 * interruption leaves whole chunks, and running the change again does the rest. Rows that another
 * operator has locked are skipped. Rows that came after the plan are not changed. The next chunk is
 * selected while the previous one is being changed.
 */
export async function applyChange<P extends Plan>(
  db: Db,
  change: BulkChange<P>,
  options: ApplyOptions<P>,
): Promise<Applied> {
  const { plan, pacing, onChunk } = options;
  const applied: Applied = { operation: undefined, changed: 0 };
  const underWay = new Set<Promise<void>>();
  let last: string | undefined;

  /** @returns the selected rows as soon as they are locked; their change is under way then. */
  const begin = (walk: Walk, at: { size: number; after: string[] | undefined }, first: number) =>
    new Promise<Chosen | undefined>((resolve, reject) => {
      const announced = applied.operation;
      const done = db.transaction(async (tx) => {
        const chosen = await walk.choose(tx, at);
        resolve(chosen);
        if (!chosen) return;
        const operation = announced ?? newId('audit');
        const detail = await chosen.change({ first, total: plan.count, operation });
        const announce = announced === undefined;
        await audit(tx, change, options, { operation, announce, affected: chosen.count, detail });
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
    for (const walk of await change.walks(db, plan)) {
      let after: string[] | undefined;
      while (first < plan.count) {
        // The entries of later chunks refer to the first chunk's entry.
        while (underWay.size >= (applied.operation ? pacing.atOnce : 1))
          await Promise.race(underWay);
        const size = Math.min(await pacing.next(last), plan.count - first);
        if (size === 0) return;
        const chosen = await begin(walk, { size, after }, first);
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
    // Waits for all chunks, also after a failure, so that none continues unobserved.
    await Promise.allSettled(underWay);
  }
  return applied;
}

interface DoneChunk {
  operation: string;
  /** Whether this is the first chunk, which writes the entry of the whole change. */
  announce: boolean;
  affected: number;
  detail: Record<string, unknown> | string;
}

async function audit<P extends Plan>(
  tx: Queryable,
  change: BulkChange<P>,
  { plan, operator, reason }: ApplyOptions<P>,
  { operation, announce, affected, detail }: DoneChunk,
): Promise<void> {
  const who = { ...operator, action: change.action, reason };
  if (announce) {
    const { at: _at, examples: _examples, ...numbers } = change.toRecord(plan);
    await recordAudit(tx, { ...who, id: operation, filter: change.scope, detail: numbers });
  }
  await recordAudit(tx, { ...who, operation, affected, detail });
}
