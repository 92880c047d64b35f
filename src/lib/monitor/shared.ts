import type { Db, Queryable } from '../db/database.ts';
import type { Snapshot } from './snapshot.ts';

/** The channel on which a monitor announces a new shared snapshot. */
export const SNAPSHOT_CHANNEL = 'donations_snapshot';

/** A snapshot is not taken again sooner than this. */
const LEAST_AGE_MS = 700;
/** Nor sooner than so many times what it costs: all monitors together are below 1% of one core. */
const REST_FACTOR = 110;
/** However much it costs, it is never older than this while something happens. */
const MOST_REST_MS = 5000;
/** The fastest run shows the true cost: a lower cost counts at once, a higher one gradually. */
const GROWTH = 1.2;
/** A monitor that dies while it takes a snapshot delays the others by this time. */
const CLAIM_MS = 5000;

export interface SharedSnapshot {
  body: Snapshot;
  /** How old it is by the database's clock. */
  ageMs: number;
  /** When it may be taken anew, in milliseconds from now. */
  dueInMs: number;
}

/** How long a snapshot that costs so much stands at least. */
export const restMs = (costMs: number) =>
  Math.min(MOST_REST_MS, Math.max(LEAST_AGE_MS, costMs * REST_FACTOR));

interface Row {
  body: string | null;
  age_ms: number;
  cost_ms: number;
}

/** The latest snapshot; undefined when there is none. */
export async function readShared(db: Queryable): Promise<SharedSnapshot | undefined> {
  const { rows } = await db.query<Row>(
    `select body, extract(epoch from clock_timestamp() - taken_at)::float8 * 1000 as age_ms, cost_ms
     from donations.monitor_snapshot where taken_at > '-infinity'`,
    [],
    'monitor_read_shared',
  );
  const [row] = rows;
  if (!row?.body) return undefined;
  const ageMs = Number(row.age_ms);
  return { body: JSON.parse(row.body), ageMs, dueInMs: restMs(Number(row.cost_ms)) - ageMs };
}

/**
 * Takes the snapshot for all monitors, if it is old and no other monitor takes it: one statement claims it
 * for a few seconds, so that no lock is held while it is taken.
 *
 * @param by the monitor that takes it, shown to the others.
 * @returns undefined when it is young enough, or another monitor takes it.
 */
export async function refreshShared(
  db: Db,
  by: string,
  take: (before: Snapshot | undefined) => Promise<Snapshot>,
): Promise<SharedSnapshot | undefined> {
  const { rows } = await db.query<{ body: string | null }>(
    `insert into donations.monitor_snapshot as s (claimed_until)
     values (clock_timestamp() + make_interval(secs => $3::float8 / 1000))
     on conflict (only_one) do update set claimed_until = excluded.claimed_until
     where s.claimed_until < clock_timestamp() and s.taken_at <
       clock_timestamp() - make_interval(
         secs => least($4::float8, greatest($1::float8, s.cost_ms * $2::float8)) / 1000)
     returning body`,
    [LEAST_AGE_MS, REST_FACTOR, CLAIM_MS, MOST_REST_MS],
    'monitor_claim',
  );
  const [claimed] = rows;
  if (!claimed) return undefined;
  const snapshot = await take(claimed.body === null ? undefined : JSON.parse(claimed.body));
  const { rows: kept } = await db.query<{ cost_ms: number }>(
    `with kept as (
       update donations.monitor_snapshot
       set body = $1, taken_at = clock_timestamp(), claimed_until = '-infinity',
         cost_ms = case when cost_ms = 0 then $2 else least($2, cost_ms * ${GROWTH}) end
       returning cost_ms)
     select cost_ms, pg_notify($3, $4) from kept`,
    [JSON.stringify(snapshot), snapshot.costMs, SNAPSHOT_CHANNEL, by],
    'monitor_share',
  );
  return { body: snapshot, ageMs: 0, dueInMs: restMs(Number(kept[0]?.cost_ms ?? snapshot.costMs)) };
}
