import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import { usageError } from '../errors.ts';
import { newId } from '../ids.ts';
import type { LocalStore } from '../local/sqlite.ts';
import { currencies } from '../money.ts';
import { dayIn } from './check/dates.ts';
import type { ImportedGift } from './check/gift.ts';
import { fingerprintOf } from './check/identity.ts';
import { createRowChecker } from './check/row.ts';
import {
  commitImport,
  type ImportDeps,
  type ImportResult,
  openBatch,
  planImport,
  resultOf,
} from './import.ts';
import { FIELD_NAMES, type Field } from './map/fields.ts';
import { type CommitOptions, insertBatch, type StagedBatch } from './stage/batches.ts';
import { toCopyText } from './stage/copy-text.ts';
import { getRow, insertRow } from './stage/rows.ts';

/** A gift that was taken with no network. */
export interface OfflineGift {
  id: string;
  fields: Partial<Record<Field, string>>;
  takenAt: Date;
  pushedAt: Date | undefined;
}

interface Row {
  id: string;
  body: string;
  created_ms: number;
  pushed_ms: number | null;
}

const fromRow = (row: Row): OfflineGift => ({
  id: row.id,
  fields: JSON.parse(row.body) as OfflineGift['fields'],
  takenAt: new Date(row.created_ms),
  pushedAt: row.pushed_ms === null ? undefined : new Date(row.pushed_ms),
});

/** Where the gifts say that they are from; their ids are those of this machine's list. */
const SOURCE = 'offline';

/** Checks a typed gift, whose fields have our own names. */
function checker(config: Config, today: string) {
  const { locale, timeZone, country } = config.organization;
  return createRowChecker({
    header: FIELD_NAMES,
    mapping: {
      fields: FIELD_NAMES,
      defaults: {},
      dates: undefined,
      locale,
      timeZone,
      origin: SOURCE,
      source: SOURCE,
      unmapped: [],
      notices: [],
    },
    timesAreUtc: false,
    today,
    country,
    currencies: new Set(currencies()),
  });
}

/**
 * Keeps a gift until there is a network. The check is the one of `push`; its date is today
 * unless it says another.
 * @throws UserError `usage` with every reason.
 */
export function addOffline(
  { store, config, clock }: { store: LocalStore; config: Config; clock: Clock },
  typed: Partial<Record<Field, string>>,
): OfflineGift {
  const now = clock.now();
  const today = dayIn(now, config.organization.timeZone);
  const id = newId('donation');
  const fields = { gift_date: today, ...typed, source: SOURCE, source_id: id };
  const checked = checker(config, today)(FIELD_NAMES.map((name) => fields[name as Field] ?? ''));
  if (checked.kind === 'rejected')
    throw usageError(checked.reasons.join('; '), 'Nothing was kept: give it again.');
  if (checked.kind === 'skipped')
    throw usageError(checked.reason, 'Nothing was kept: only gifts that were made are.');
  store.run(
    'insert into offline_gifts (id, body, created_ms) values (?, ?, ?)',
    id,
    JSON.stringify(fields),
    now.getTime(),
  );
  return { id, fields, takenAt: now, pushedAt: undefined };
}

/** The gifts on this machine, those not pushed first. */
export const listOffline = (store: LocalStore, { all }: { all: boolean }): OfflineGift[] =>
  store
    .all<Row>(
      `select id, body, created_ms, pushed_ms from offline_gifts ${all ? '' : 'where pushed_ms is null'}
       order by pushed_ms is not null, created_ms, id`,
    )
    .map(fromRow);

export const countWaiting = (store: LocalStore): number =>
  store.get<{ count: number }>(
    'select count(*) as count from offline_gifts where pushed_ms is null',
  )?.count ?? 0;

/**
 * Imports what waits on this machine, as one batch. Each gift has the id that it got when it was taken:
 * cut off and repeated, it is still made once. A gift that needs a look stays, and is listed.
 */
export async function pushOffline(
  deps: ImportDeps,
  {
    config,
    clock,
    device,
    commit,
  }: { config: Config; clock: Clock; device: string; commit: CommitOptions },
): Promise<ImportResult | undefined> {
  const { store } = deps;
  const waiting = listOffline(store, { all: false });
  if (waiting.length === 0) return undefined;
  const batch = stage(store, { config, clock, device, commit }, waiting);
  const open = await openBatch(deps, batch);
  try {
    const plan = await planImport(deps, open);
    const result =
      plan.counts.new > 0 ? await commitImport(deps, open) : resultOf(store, batch.id, undefined);
    markPushed(store, batch.id, waiting, clock.now());
    return result;
  } finally {
    await open.session.end();
  }
}

function stage(
  store: LocalStore,
  {
    config,
    clock,
    device,
    commit,
  }: { config: Config; clock: Clock; device: string; commit: CommitOptions },
  waiting: OfflineGift[],
): StagedBatch {
  const now = clock.now();
  const check = checker(config, dayIn(now, config.organization.timeZone));
  const batch: StagedBatch = {
    id: newId('batch'),
    kind: 'offline',
    name: device,
    path: undefined,
    sha256: createHash('sha256')
      .update(waiting.map(({ id }) => id).join())
      .digest('hex'),
    status: 'staged',
    options: { reading: {}, commit },
    reading: {
      header: FIELD_NAMES,
      headerLine: 1,
      delimiter: ',',
      source: SOURCE,
      origin: 'gifts taken offline',
      unmapped: [],
      leftOut: [],
      leftOutMore: 0,
    },
    createdAt: now,
  };
  store.transaction(() => {
    insertBatch(store, batch);
    waiting.forEach(({ id, fields }, i) => {
      const line = i + 1;
      const cells = FIELD_NAMES.map((name) => fields[name as Field] ?? '');
      const checked = check(cells);
      insertRow(
        store,
        batch.id,
        checked.kind === 'gifts'
          ? {
              line,
              verdict: 'new',
              reasons: [],
              gifts: checked.gifts.map((gift) => copyText(gift, line, id)),
              cells: undefined,
            }
          : {
              line,
              verdict: 'rejected',
              reasons: checked.kind === 'rejected' ? checked.reasons : [checked.reason],
              gifts: [],
              cells,
            },
      );
    });
  });
  return batch;
}

/** The gift keeps the id that it got when it was taken; an employer's match gets one of its own. */
const copyText = (gift: ImportedGift, line: number, id: string) =>
  toCopyText(gift, {
    line,
    donationId: gift.part === 'gift' ? id : newId('donation'),
    fingerprint: fingerprintOf(gift),
    occurrence: 1,
  });

/** What is in the database now, by this push or an earlier one, waits no more. */
function markPushed(store: LocalStore, batch: string, waiting: OfflineGift[], now: Date): void {
  store.transaction(() => {
    waiting.forEach(({ id }, i) => {
      const verdict = getRow(store, batch, i + 1)?.verdict;
      if (verdict === 'imported' || verdict === 'duplicate')
        store.run('update offline_gifts set pushed_ms = ? where id = ?', now.getTime(), id);
    });
  });
}
