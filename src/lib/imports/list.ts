import type { Queryable } from '../db/database.ts';
import {
  type BoundedCount,
  countRows as countInDatabase,
  fromCursor,
  type Paging,
  toCursor,
} from '../db/page.ts';
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
   * On this machine: being read, read, or without a new gift. In the database: importing, imported or
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

const ORDER = 'imports newest';

/**
 * One page of the imports, the newest first: those in the database, and those that only this machine
 * knows.
 * @throws UserError `usage` when the cursor is of another list.
 */
export async function listImports(
  tx: Queryable,
  store: LocalStore,
  { limit, after }: Paging,
): Promise<{ imports: ListedImport[]; next: string | undefined; total: BoundedCount }> {
  const [last = null] = after === undefined ? [] : fromCursor(after, ORDER);
  const { rows } = await tx.query<Row>(
    `select id, kind, name, status, progress, actor, created_at as at from donations.batches
     where $1::text is null or id < $1 order by id desc limit $2`,
    [last, limit + 1],
  );
  const ofMachine = listBatches(store);
  const { rows: inDatabase } = await tx.query<{ id: string }>(
    'select id from donations.batches where id = any ($1)',
    [ofMachine.map(({ id }) => id)],
  );
  const known = new Set(inDatabase.map(({ id }) => id));
  const onlyHere = ofMachine.filter(({ id }) => !known.has(id));
  const { count, more } = await countInDatabase(tx, ['select 1 from donations.batches'], []);
  const openRows = (id: string) => openOf(countRows(store, id));
  const here: ListedImport[] = onlyHere
    .filter(({ id }) => last === null || id < last)
    .slice(0, limit + 1)
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
  const found = [...here, ...there].sort((a, b) => (a.id < b.id ? 1 : -1));
  const imports = found.slice(0, limit);
  const end = found.length > limit ? imports.at(-1) : undefined;
  return {
    imports,
    next: end && toCursor(ORDER, [end.id]),
    total: { count: count + onlyHere.length, more },
  };
}
