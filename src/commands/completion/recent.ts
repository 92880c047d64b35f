import { setTimeout as wait } from 'node:timers/promises';
import { findRecentIds, isRecentKind, type RecentId } from '../../lib/recent-ids.ts';
import type { Context } from '../context.ts';
import type { OfferedKind } from '../shared/completed.ts';
import type { Candidate, RecentWanted } from './candidates.ts';

/** Ids and names that complete the word. Those that are not found within the time limit are left out. */
export async function findWanted(
  context: Context,
  wanted: RecentWanted[],
  limitMs: number,
): Promise<Candidate[]> {
  const found: Candidate[] = [];
  const take = (more: Candidate[]) => found.push(...more);
  const looking = [
    ...wanted.map((each) => findHere(context, each).then(take)),
    findInDatabase(context, wanted, { limitMs, take }),
  ];
  await Promise.race([Promise.allSettled(looking), wait(limitMs, undefined, { ref: false })]);
  return found;
}

/** Names from the settings and from this machine's imports. */
async function findHere(context: Context, wanted: RecentWanted): Promise<Candidate[]> {
  const { kind, typed, before } = wanted;
  const ids = isRecentKind(kind) ? [] : await HERE[kind](context);
  return ids
    .filter(({ id }) => id.startsWith(typed))
    .map(({ id, about }) => ({ word: before + id, about }));
}

const HERE: Record<LocalKind, (context: Context) => Promise<RecentId[]>> = {
  async import(context) {
    const { listBatches } = await import('../../lib/imports/stage/batches.ts');
    const batches = await fromImports(context, listBatches);
    return batches.map(({ id, name }) => ({ id, about: name }));
  },
  async mapping(context) {
    const { listMappings } = await import('../../lib/imports/map/saved.ts');
    const mappings = await fromImports(context, listMappings);
    return mappings.map(({ name, columns }) => ({ id: name, about: `${columns} columns` }));
  },
  async route(context) {
    const { alerts } = await context.config();
    return alerts.routes.map(({ name, via }) => ({ id: name, about: via }));
  },
  async rule(context) {
    const { resolveRules } = await import('../../lib/health/rule-settings.ts');
    const rules = resolveRules((await context.config()).health.rules);
    return rules.map(({ name }) => ({ id: name, about: '' }));
  },
};

type LocalKind = Exclude<OfferedKind, Parameters<typeof findRecentIds>[1]>;

/** Reads this machine's imports. Creates no file when there are none. */
async function fromImports<T>(
  context: Context,
  read: (store: import('../../lib/local/sqlite.ts').LocalStore) => T[],
): Promise<T[]> {
  const { existingImportStore } = await import('../../lib/local/import-store.ts');
  const store = existingImportStore((await context.connection()).dataDir);
  try {
    return store ? read(store) : [];
  } finally {
    store?.close();
  }
}

async function findInDatabase(
  context: Context,
  wanted: RecentWanted[],
  { limitMs, take }: { limitMs: number; take: (found: Candidate[]) => void },
): Promise<void> {
  const there = wanted.flatMap(({ kind, ...rest }) =>
    isRecentKind(kind) ? [{ kind, ...rest }] : [],
  );
  if (there.length === 0) return;
  const { databaseUrl, databaseDirectUrl: directUrl, dataDir } = await context.connection();
  const { embeddedStatus } = await import('../../lib/db/embedded.ts');
  // Completion does not start an embedded database.
  const url = databaseUrl ?? (await embeddedStatus({ dataDir })).url;
  if (url === undefined) return;
  const { openDb } = await import('../../lib/db/database.ts');
  const db = openDb({ url, directUrl, applicationName: 'donations completion', poolSize: 1 });
  await db.transaction(
    async (tx) => {
      for (const { kind, before, typed } of there) {
        const ids = await findRecentIds(tx, kind, typed);
        take(ids.map(({ id, about }) => ({ word: before + id, about })));
      }
    },
    { statementTimeoutMs: limitMs },
  );
}
