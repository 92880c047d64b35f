import { type Actor, recordAudit } from '../../audit/record.ts';
import { UserError } from '../../errors.ts';
import type { LocalStore } from '../../local/sqlite.ts';
import type { ImportSession } from '../match/session.ts';
import { type StagedBatch, updateBatch } from '../stage/batches.ts';
import { setVerdicts } from '../stage/rows.ts';
import { importChunk } from './chunk.ts';

/** How far an import has come, as the database keeps it with its batch. */
export interface ImportProgress {
  /** Everything up to this line is imported. */
  line: number;
  rows: number;
  gifts: number;
  donors: number;
  receipts: number;
  totals: Record<string, string>;
  /** The audit entry that announced it. */
  operation: string | undefined;
}

const NOTHING: ImportProgress = {
  line: 0,
  rows: 0,
  gifts: 0,
  donors: 0,
  receipts: 0,
  totals: {},
  operation: undefined,
};

export interface CommitDeps {
  session: ImportSession;
  store: LocalStore;
  operator: Actor;
  signal: AbortSignal;
  onRows: (rows: number) => void;
}

/** Gifts in one transaction. A chunk with receipts blocks the receipt numbers of live charges until it is committed. */
const CHUNK = 5000;
const WITH_RECEIPTS = 1000;

/** The batch as the database has it; undefined before its first chunk. */
export async function findCommitted(
  { session }: Pick<CommitDeps, 'session'>,
  batch: string,
): Promise<{ status: 'open' | 'committed' | 'undone'; progress: ImportProgress } | undefined> {
  const { rows } = await session.query<{
    status: 'open' | 'committed' | 'undone';
    progress: ImportProgress;
  }>('select status, progress from donations.batches where id = $1', [batch]);
  return rows[0];
}

/**
 * Keeps other processes from the batch until the connection ends.
 * @throws UserError `try_again` when one is at it.
 */
export async function takeBatch({ session }: Pick<CommitDeps, 'session'>, batch: string) {
  const { rows } = await session.query<{ taken: boolean }>(
    'select pg_try_advisory_lock(hashtextextended($1, 4)) as taken',
    [batch],
  );
  if (!rows[0]?.taken)
    throw new UserError(
      'try_again',
      `another process is importing ${batch}`,
      'See how far it is: donations import list',
    );
}

/**
 * Imports what is in `staged`, in chunks, each one transaction with the place it has come to. Whatever
 * ends the process, `import resume` goes on behind the last whole chunk.
 */
export async function commitStaged(deps: CommitDeps, batch: StagedBatch): Promise<ImportProgress> {
  const { session, store, operator, signal, onRows } = deps;
  updateBatch(store, batch.id, { status: 'committing' });
  // Plans for checks of foreign keys and for triggers are made once in a connection, and perhaps while
  // a table is still empty: then they would read it from end to end for each gift.
  await session.query(
    `set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off;
     set enable_bitmapscan = off`,
  );
  const { receipts, receiptAfter } = batch.options.commit;
  const size = receipts ? WITH_RECEIPTS : CHUNK;
  let progress = (await findCommitted(deps, batch.id))?.progress ?? NOTHING;
  for (;;) {
    signal.throwIfAborted();
    const done = await session.transaction(async () => {
      const before = await lockBatch(deps, batch);
      const { rows } = await session.query<{ to: number | null }>(
        'select max(line) as to from (select line from staged where line > $1 order by line limit $2) next',
        [before.line, size],
      );
      const to = rows[0]?.to;
      if (to === null || to === undefined) return undefined;
      const chunk = await importChunk(session, {
        batch: batch.id,
        from: before.line,
        to,
        receipts: receipts ? { after: receiptAfter } : undefined,
      });
      const totals = { ...before.totals };
      for (const [currency, minor] of Object.entries(chunk.totals))
        totals[currency] = (BigInt(totals[currency] ?? 0) + BigInt(minor)).toString();
      const operation =
        before.operation ??
        (await recordAudit(session, {
          ...operator,
          action: 'import.commit',
          subject: batch.id,
          detail: { file: batch.name, sha256: batch.sha256, options: batch.options.commit },
        }));
      const after: ImportProgress = {
        line: to,
        rows: before.rows + chunk.rows,
        gifts: before.gifts + chunk.gifts,
        donors: before.donors + chunk.donors,
        receipts: before.receipts + chunk.receipts,
        totals,
        operation,
      };
      await recordAudit(session, {
        ...operator,
        action: 'import.commit',
        subject: batch.id,
        operation,
        affected: chunk.gifts,
        detail: { lines: [before.line + 1, to], donors: chunk.donors, receipts: chunk.receipts },
      });
      await session.query('update donations.batches set progress = $2 where id = $1', [
        batch.id,
        JSON.stringify(after),
      ]);
      return { after, duplicates: chunk.duplicates };
    });
    if (!done) break;
    markDuplicates(store, batch.id, done.duplicates);
    progress = done.after;
    onRows(progress.rows);
  }
  await finish(deps, batch);
  return progress;
}

/** Locks the batch for the transaction, and makes it if this is its first chunk. */
async function lockBatch(
  { session, operator }: CommitDeps,
  batch: StagedBatch,
): Promise<ImportProgress> {
  await session.query(
    `insert into donations.batches (id, kind, name, file_sha256, status, actor, progress)
     values ($1, $2, $3, $4, 'open', $5, $6) on conflict (id) do nothing`,
    [batch.id, batch.kind, batch.name, batch.sha256, operator.actor, JSON.stringify(NOTHING)],
  );
  const { rows } = await session.query<{ status: string; progress: ImportProgress }>(
    'select status, progress from donations.batches where id = $1 for update',
    [batch.id],
  );
  const [row] = rows;
  if (!row || row.status === 'undone')
    throw new UserError(
      'failed',
      `${batch.id} was undone`,
      'To import the file after all, import it again: donations import offline FILE',
    );
  return row.progress;
}

function markDuplicates(store: LocalStore, batch: string, lines: number[]): void {
  const reasons = ['another import made it meanwhile'];
  setVerdicts(
    store,
    batch,
    lines.map((line) => ({ line, verdict: 'duplicate' as const, reasons })),
  );
}

/**
 * Opens a batch again from its first line. The staged gifts are not imported yet, and a person may have
 * accepted a row above the last imported one.
 */
export async function startAgain(
  { session }: Pick<CommitDeps, 'session'>,
  batch: string,
): Promise<void> {
  await session.query(
    `update donations.batches set status = 'open', progress = jsonb_set(progress, '{line}', '0')
     where id = $1 and status <> 'undone'`,
    [batch],
  );
}

/** Closes the batch. It can be continued while rows wait for a decision. */
async function finish({ session, store }: CommitDeps, batch: StagedBatch): Promise<void> {
  await session.query(
    `update donations.batches set status = 'committed', committed_at = now() where id = $1 and status = 'open'`,
    [batch.id],
  );
  markImported(store, batch.id);
}

/** What was new is imported, now that all of it was gone through. */
function markImported(store: LocalStore, batch: string): void {
  store.run(
    'update import_rows set verdict = 6, reasons = null where batch = ? and verdict = 1',
    batch,
  );
  updateBatch(store, batch, { status: 'committed' });
}

const PAGE = 5000;

/**
 * Takes from the database which rows were imported before: by a process that ended before it could
 * write it down here.
 */
export async function markImportedBefore(
  { session, store }: Pick<CommitDeps, 'session' | 'store'>,
  batch: string,
): Promise<void> {
  await session.transaction(async () => {
    await session.query(
      `declare imported cursor for
       select distinct i.line from donations.donations d join donations.import_rows i on i.donation_id = d.id
       where d.batch_id = '${checkedId(batch)}'`,
    );
    for (;;) {
      const { rows } = await session.query<{ line: number }>(`fetch ${PAGE} from imported`);
      store.transaction(() => {
        for (const { line } of rows)
          store.run(
            'update import_rows set verdict = 6, reasons = null where batch = ? and line = ? and verdict = 1',
            batch,
            line,
          );
      });
      if (rows.length < PAGE) return;
    }
  });
}

function checkedId(batch: string): string {
  if (!/^bat_[0-9a-z]{26}$/.test(batch)) throw new Error(`${batch} is not the id of a batch`);
  return batch;
}
