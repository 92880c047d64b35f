import type { ImportDeps } from '../../../lib/imports/import.ts';
import type { ReadingDeps } from '../../../lib/imports/open.ts';
import type { LocalStore } from '../../../lib/local/sqlite.ts';
import { keepNewSpaceSmall } from '../../../lib/memory.ts';
import type { Context } from '../../context.ts';
import { ImportProgress } from './progress.ts';

/** Runs a command with this machine's imports, and closes them. */
export async function withImportStore<T>(
  context: Context,
  work: (store: LocalStore) => Promise<T>,
): Promise<T> {
  keepNewSpaceSmall();
  const { dataDir } = await context.config();
  const { openImportStore } = await import('../../../lib/local/import-store.ts');
  const store = openImportStore(dataDir);
  try {
    return await work(store);
  } finally {
    store.close();
  }
}

/** What reading a file needs. */
export async function readingDeps(context: Context, store: LocalStore): Promise<ReadingDeps> {
  const { io, clock } = context;
  return { store, clock, config: await context.config(), stdin: io.stdin, cwd: io.cwd };
}

/** What importing needs. */
export async function importDeps(
  context: Context,
  store: LocalStore,
): Promise<ImportDeps & { progress: ImportProgress }> {
  const progress = new ImportProgress(context.io);
  return {
    store,
    operator: await context.operator(),
    signal: context.signal,
    progress,
    onProgress: (phase, rows) => progress.show(phase, rows),
    db: () => context.db(),
  };
}
