import type { Actor } from '../audit/record.ts';
import type { Db } from '../db/database.ts';
import { UserError, usageError } from '../errors.ts';
import { newId } from '../ids.ts';
import type { LocalStore } from '../local/sqlite.ts';
import { decimalAmount } from '../money.ts';
import {
  type CommitDeps,
  commitStaged,
  findCommitted,
  type ImportProgress,
  markImportedBefore,
  startAgain,
  takeBatch,
} from './commit/commit.ts';
import { findPeople } from './match/donors.ts';
import { type ImportSession, openImportSession } from './match/session.ts';
import { applyVerdicts, matchStaged } from './match/verdicts.ts';
import type { OpenedFile, ReadingOptions } from './open.ts';
import { type CommitOptions, insertBatch, type StagedBatch, updateBatch } from './stage/batches.ts';
import { countRows } from './stage/rows.ts';
import { type Staged, stageRows } from './stage/stage.ts';
import { describeRows, type Totals, toDecimals } from './stage/totals.ts';

/** What an import needs of its surroundings. */
export interface ImportDeps {
  store: LocalStore;
  /** The database, once it is needed. */
  db(): Promise<Db>;
  operator: Actor;
  signal: AbortSignal;
  /** @param rows of this run, without those that an interrupted run imported. */
  onProgress: (phase: 'reading' | 'matching' | 'importing', rows: number) => void;
}

/** What is to become of a batch, before anything is imported. */
export interface ImportPlan {
  rows: number;
  counts: ReturnType<typeof countRows>;
  totals: Totals;
  /** Earlier imports of the same file. */
  sameFile: string[];
}

/** What became of one, in the words that scripts rely on. */
export interface ImportResult {
  batch: string;
  rows: number;
  imported: number;
  duplicates: number;
  suspects: number;
  rejected: number;
  skipped: number;
  totals: Record<string, string>;
  receipts: number;
}

/** Reads a file into the local store. */
export async function stageFile(
  deps: ImportDeps,
  opened: OpenedFile,
  options: { reading: ReadingOptions; commit: CommitOptions },
  { now, onBatch }: { now: Date; onBatch: (id: string) => void },
): Promise<{ batch: StagedBatch; staged: Staged }> {
  const batch: StagedBatch = {
    id: newId('batch'),
    kind: 'import',
    name: opened.source.name,
    path: opened.source.path,
    sha256: await opened.source.sha256(),
    status: 'staging',
    options,
    reading: readingOf(opened, undefined),
    createdAt: now,
  };
  insertBatch(deps.store, batch);
  onBatch(batch.id);
  return { batch, staged: await stageInto(deps, opened, batch) };
}

/** Reads a file into a batch that is there; what was read of it before is forgotten. */
export async function stageInto(
  { store, signal, onProgress }: ImportDeps,
  opened: OpenedFile,
  batch: StagedBatch,
): Promise<Staged> {
  store.run('delete from import_rows where batch = ?', batch.id);
  const staged = await stageRows(opened, {
    store,
    batch: batch.id,
    signal,
    onRows: (rows) => onProgress('reading', rows),
  });
  batch.reading = readingOf(opened, staged);
  batch.status = 'staged';
  updateBatch(store, batch.id, { status: 'staged', reading: batch.reading });
  return staged;
}

const readingOf = ({ table, mapping }: OpenedFile, staged: Staged | undefined) => ({
  header: table.header,
  headerLine: table.headerLine,
  delimiter: table.dialect?.delimiter ?? ',',
  source: mapping.source,
  origin: mapping.origin,
  unmapped: mapping.unmapped,
  leftOut: staged?.leftOut ?? [],
  leftOutMore: staged?.leftOutMore ?? 0,
});

/** A batch and the connection on which its rows are; end it in any case. */
export interface OpenImport {
  batch: StagedBatch;
  session: ImportSession;
  /** How much of it was imported before. */
  progress: ImportProgress | undefined;
}

/**
 * Opens a staged batch for matching and committing. What was imported of it before, by a process that
 * was ended, is known as imported from here on.
 */
export async function openBatch(deps: ImportDeps, batch: StagedBatch): Promise<OpenImport> {
  const session = await openImportSession(await deps.db());
  try {
    await takeBatch({ session }, batch.id);
    const committed = await findCommitted({ session }, batch.id);
    if (committed?.status === 'undone')
      throw new UserError(
        'failed',
        `${batch.id} was undone`,
        'To import the file after all, import it again: donations import offline FILE',
      );
    if (committed) await markImportedBefore({ session, store: deps.store }, batch.id);
    return { batch, session, progress: committed?.progress };
  } catch (error) {
    await session.end();
    throw error;
  }
}

/** Judges what is new of a batch against the database, and says what would be imported. */
export async function planImport(
  deps: ImportDeps,
  { batch, session }: OpenImport,
): Promise<ImportPlan> {
  deps.onProgress('matching', 0);
  await session.upload(deps.store, batch.id, 'unjudged');
  // In one snapshot: a donor whom another import adds meanwhile would look like a similar donor.
  await session.snapshot(() => matchStaged(session, { batch: batch.id, ...batch.options.commit }));
  const judged = await applyVerdicts(session, deps.store, batch.id);
  const accepted = await session.upload(deps.store, batch.id, 'accepted');
  if (judged + accepted > 0) {
    await session.query('drop table people');
    await findPeople(session);
  }
  updateBatch(deps.store, batch.id, { status: 'matched' });
  const counts = countRows(deps.store, batch.id);
  const { rows } = await session.query<{ id: string }>(
    `select id from donations.batches where file_sha256 = $1 and id <> $2 and status <> 'undone' order by id`,
    [batch.sha256, batch.id],
  );
  return {
    rows: sumOf(counts),
    counts,
    totals: describeRows(deps.store, batch.id, ['new']),
    sameFile: rows.map(({ id }) => id),
  };
}

const sumOf = (counts: Record<string, number>) =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

/** Imports what was planned. */
export async function commitImport(
  deps: ImportDeps,
  { batch, session, progress }: OpenImport,
): Promise<ImportResult> {
  if (progress) await startAgain({ session }, batch.id);
  const before = progress?.rows ?? 0;
  deps.onProgress('importing', 0);
  const commit: CommitDeps = {
    session,
    store: deps.store,
    operator: deps.operator,
    signal: deps.signal,
    onRows: (rows) => deps.onProgress('importing', rows - before),
  };
  const done = await commitStaged(commit, batch);
  return resultOf(deps.store, batch.id, done);
}

/** What has become of a batch by now. Rows that are new and were not imported count as skipped. */
export function resultOf(
  store: LocalStore,
  batch: string,
  progress: ImportProgress | undefined,
): ImportResult {
  const counts = countRows(store, batch);
  return {
    batch,
    rows: sumOf(counts),
    imported: counts.imported,
    duplicates: counts.duplicate,
    suspects: counts.suspect,
    rejected: counts.rejected,
    skipped: counts.skipped + counts.new,
    totals: toDecimals(progress?.totals ?? {}),
    receipts: progress?.receipts ?? 0,
  };
}

/** @throws UserError `failed` (exit 1) that names what differs from what was expected. */
export function checkControlTotals(
  options: Pick<CommitOptions, 'expectCount' | 'expectTotals'>,
  found: { count: number; totals: Record<string, bigint> },
): void {
  const differing: string[] = [];
  if (options.expectCount !== undefined && options.expectCount !== found.count)
    differing.push(`${options.expectCount} gifts were expected, and there are ${found.count}`);
  const expected = options.expectTotals;
  if (Object.keys(expected).length > 0) {
    const currencies = new Set([...Object.keys(expected), ...Object.keys(found.totals)]);
    for (const currency of [...currencies].sort()) {
      const [want, have] = [BigInt(expected[currency] ?? 0), found.totals[currency] ?? 0n];
      if (want === have) continue;
      const [a, b] = [want, have].map((minor) => decimalAmount({ minor, currency }));
      differing.push(`${currency.toUpperCase()} ${a} was expected, and there is ${b}`);
    }
  }
  if (differing.length === 0) return;
  throw new UserError(
    'failed',
    `the control totals differ: ${differing.join('; ')}`,
    'Nothing was imported. Compare the deposit slip with the file.',
  );
}

/** `USD 1234.50`, several times. @throws UserError `usage`. */
export function parseExpectedTotals(
  texts: string[],
  parse: (amount: string, currency: string) => bigint,
): Record<string, string> {
  const totals: Record<string, string> = {};
  for (const text of texts) {
    const match = /^\s*([A-Za-z]{3})\s+(.+)$/.exec(text) ?? undefined;
    const [currency, amount] = match
      ? [match[1], match[2]]
      : (/^\s*(.+?)\s+([A-Za-z]{3})\s*$/.exec(text)?.slice(1, 3).reverse() ?? []);
    if (!currency || !amount)
      throw usageError(
        `"${text}" is not a total`,
        "Write it with its currency: --expect-total 'USD 1234.50'.",
      );
    const key = currency.toLowerCase();
    if (totals[key] !== undefined)
      throw usageError(`--expect-total names ${currency.toUpperCase()} twice`);
    totals[key] = parse(amount, key).toString();
  }
  return totals;
}
