import { likeId } from '../../db/match.ts';
import { notFound } from '../../errors.ts';
import type { LocalStore } from '../../local/sqlite.ts';
import type { ReadingOptions } from '../open.ts';

export type StageStatus = 'staging' | 'staged' | 'matched' | 'committing' | 'committed';

/** How a batch is to be committed: what the options of the command say. */
export interface CommitOptions {
  receipts: boolean;
  /** Receipts only for gifts from this day on. */
  receiptAfter: string | undefined;
  /** Rows without a fault are committed though others have one. */
  partial: boolean;
  expectCount: number | undefined;
  /** Currency → minor units as text. */
  expectTotals: Record<string, string>;
  /** How many days apart two gifts of a donor may be that are perhaps one. */
  nearDays: number;
  /** From which likeness on two names are perhaps one person's; 0 to 1. */
  likeness: number;
}

/** What was found while a file was read; enough to write its rejected rows in its own shape. */
export interface Reading {
  header: string[];
  headerLine: number;
  delimiter: string;
  source: string;
  origin: string;
  unmapped: string[];
  leftOut: { line: number; why: string; text: string }[];
  leftOutMore: number;
}

/** An import as this machine knows it. */
export interface StagedBatch {
  id: string;
  /** A file, or gifts that were taken offline. */
  kind: 'import' | 'offline';
  name: string;
  path: string | undefined;
  sha256: string;
  status: StageStatus;
  options: { reading: ReadingOptions; commit: CommitOptions };
  reading: Reading;
  createdAt: Date;
}

interface Row {
  id: string;
  kind: 'import' | 'offline';
  name: string;
  path: string | null;
  sha256: string;
  status: StageStatus;
  options: string;
  reading: string;
  created_ms: number;
}

const fromRow = (row: Row): StagedBatch => ({
  id: row.id,
  kind: row.kind,
  name: row.name,
  path: row.path ?? undefined,
  sha256: row.sha256,
  status: row.status,
  options: JSON.parse(row.options),
  reading: JSON.parse(row.reading),
  createdAt: new Date(row.created_ms),
});

export function insertBatch(store: LocalStore, batch: StagedBatch): void {
  store.run(
    `insert into import_batches (id, kind, name, path, sha256, status, options, reading, created_ms)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    batch.id,
    batch.kind,
    batch.name,
    batch.path ?? null,
    batch.sha256,
    batch.status,
    JSON.stringify(batch.options),
    JSON.stringify(batch.reading),
    batch.createdAt.getTime(),
  );
}

export function updateBatch(
  store: LocalStore,
  id: string,
  change: Partial<Pick<StagedBatch, 'status' | 'options' | 'reading'>>,
): void {
  if (change.status)
    store.run('update import_batches set status = ? where id = ?', change.status, id);
  if (change.options)
    store.run(
      'update import_batches set options = ? where id = ?',
      JSON.stringify(change.options),
      id,
    );
  if (change.reading)
    store.run(
      'update import_batches set reading = ? where id = ?',
      JSON.stringify(change.reading),
      id,
    );
}

export const listBatches = (store: LocalStore): StagedBatch[] =>
  store.all<Row>('select * from import_batches order by created_ms desc, id desc').map(fromRow);

/**
 * A batch of this machine, by its id or the beginning of it.
 * @throws UserError `not_found`.
 */
export function findBatch(store: LocalStore, id: string): StagedBatch {
  const rows =
    id === ''
      ? []
      : store.all<Row>(
          `select * from import_batches where id like ? escape '\\' limit 2`,
          likeId(id),
        );
  if (rows.length === 1 && rows[0]) return fromRow(rows[0]);
  throw notFound(
    rows.length > 1 ? `${id} fits several imports` : `this machine has no import ${id}`,
    'See donations import list.',
  );
}
