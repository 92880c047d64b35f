import type { Queryable } from '../db/database.ts';
import type { LocalStore } from '../local/sqlite.ts';
import type { ImportProgress } from './commit/commit.ts';
import { listBatches } from './stage/batches.ts';
import { type Counts, countRows } from './stage/rows.ts';
import { toDecimals } from './stage/totals.ts';

/** An import, wherever it is known: on this machine, in the database, or both. */
export interface ListedImport {
  id: string;
  kind: 'import' | 'offline';
  name: string;
  /**
   * Of this machine: being read, read, with no gift that is new; of the database: importing, imported,
   * undone.
   */
  status: 'reading' | 'staged' | 'nothing_new' | 'importing' | 'imported' | 'undone';
  gifts: number;
  /** Rows on this machine that wait for a decision or a correction. */
  open: number;
  totals: Record<string, string>;
  receipts: number;
  actor: string | null;
  at: Date;
}

interface Row {
  id: string;
  kind: 'import' | 'offline';
  name: string;
  status: 'open' | 'committed' | 'undone';
  progress: ImportProgress;
  actor: string;
  at: Date;
}

const STATUS = { open: 'importing', committed: 'imported', undone: 'undone' } as const;

const openOf = ({ suspect, rejected }: Counts) => suspect + rejected;

/** The newest imports: those in the database, and those that only this machine knows. */
export async function listImports(
  tx: Queryable,
  store: LocalStore,
  limit: number,
): Promise<ListedImport[]> {
  const { rows } = await tx.query<Row>(
    `select id, kind, name, status, progress, actor, created_at as at from donations.batches
     order by id desc limit $1`,
    [limit],
  );
  const known = new Set(rows.map(({ id }) => id));
  const openRows = (id: string) => openOf(countRows(store, id));
  const here: ListedImport[] = listBatches(store)
    .filter(({ id }) => !known.has(id))
    .slice(0, limit)
    .map(({ id, kind, name, status, createdAt }) => {
      const counts = countRows(store, id);
      const waiting = counts.new + openOf(counts);
      return {
        id,
        kind,
        name,
        status: status === 'staging' ? 'reading' : waiting > 0 ? 'staged' : 'nothing_new',
        gifts: 0,
        open: openOf(counts),
        totals: {},
        receipts: 0,
        actor: null,
        at: createdAt,
      };
    });
  const there: ListedImport[] = rows.map(({ progress, status, ...row }) => ({
    ...row,
    status: STATUS[status],
    gifts: progress.gifts ?? 0,
    open: status === 'undone' ? 0 : openRows(row.id),
    totals: toDecimals(progress.totals ?? {}),
    receipts: progress.receipts ?? 0,
  }));
  return [...here, ...there].sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, limit);
}
