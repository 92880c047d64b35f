import { newId } from '../ids.ts';
import { diffStaged, type FileDifference } from './diff.ts';
import type { ImportDeps } from './import.ts';
import { openImportSession } from './match/session.ts';
import type { OpenedFile } from './open.ts';
import { type Staged, stageRows } from './stage/stage.ts';

/** Reads a file and compares it with what was imported; leaves nothing behind. */
export async function diffFile(
  deps: ImportDeps,
  opened: OpenedFile,
  batch: string | undefined,
  limit: number,
): Promise<FileDifference & { staged: Staged }> {
  const { store, signal, onProgress } = deps;
  const passing = newId('batch');
  const session = await openImportSession(await deps.db());
  try {
    const staged = await stageRows(opened, {
      store,
      batch: passing,
      signal,
      onRows: (rows) => onProgress('reading', rows),
    });
    await session.upload(store, passing, 'unjudged');
    return { ...(await diffStaged(session, batch, limit)), staged };
  } finally {
    store.run('delete from import_rows where batch = ?', passing);
    await session.end();
  }
}
