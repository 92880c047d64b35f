import { setTimeout as wait } from 'node:timers/promises';
import { findRecentIds, isRecentKind, type RecentId } from '../../lib/recent-ids.ts';
import type { Context } from '../context.ts';
import type { OfferedKind } from '../shared/completed.ts';
import type { Candidate, RecentWanted } from './candidates.ts';

/** Ids and names that may follow, as far as they are found within the limit. */
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

/** What the settings and this machine's imports have. */
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

/** Reads from this machine's imports, if there are any: nothing is made for this. */
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
  // An embedded database that does not run is not started for this.
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
