import type { Db, Queryable } from '../db/database.ts';
import type { Snapshot } from './snapshot.ts';

/** The channel on which a monitor announces a new shared snapshot. */
export const SNAPSHOT_CHANNEL = 'donations_snapshot';

/** The payload of the notification that the leading monitor has ended, so that another one leads. */
export const LEFT = 'left';

/** After a snapshot, monitors wait this many times as long as it took. So all of them together use less than 1% of one core. */
const PRICE_FACTOR = 110;
/** However much it costs, it is never older than this while something happens. */
const MOST_AGE_MS = 5000;
/** The fastest run shows the true cost: a lower cost counts at once, a higher one gradually. */
const GROWTH = 1.2;
/** A monitor that dies while it takes a snapshot delays the others by this time. */
const CLAIM_MS = 5000;

/**
 * Why a snapshot is taken: the least age of the last one, and how much of the wait after earlier ones may
 * still be left. So one change is seen at once, and many in a row as often as the limit allows.
 */
const NEEDS = {
  /** Jobs come and go all the time. */
  jobs: { leastAgeMs: 700, creditMs: 2000 },
  /** A person, an incident or a pause changed something. This is rare, and somebody waits to see it. */
  change: { leastAgeMs: 200, creditMs: 5000 },
} as const;
export type Need = keyof typeof NEEDS;

/** The state of the last snapshot. */
export interface Standing {
  /** How old it is. */
  ageMs: number;
  /** For how long the snapshots so far have used up the share that monitors may use. */
  owedMs: number;
}

export interface SharedSnapshot extends Standing {
  body: Snapshot;
}

/** Milliseconds until the next snapshot may be taken; 0 or less means now. */
export function untilDue({ ageMs, owedMs }: Standing, need: Need): number {
  const { leastAgeMs, creditMs } = NEEDS[need];
  return Math.max(leastAgeMs - ageMs, Math.min(owedMs - creditMs, MOST_AGE_MS - ageMs));
}

/** For how long a snapshot of this cost uses up the share that monitors may use. */
export const priceMs = (costMs: number) => Math.min(MOST_AGE_MS, costMs * PRICE_FACTOR);

interface Row {
  body: string | null;
  age_ms: number;
  owed_ms: number;
}

/** SQL: for how long the snapshots so far have used up what monitors may cost. */
const OWED_MS = `extract(epoch from
  greatest(paid_until, clock_timestamp()) - clock_timestamp())::float8 * 1000 as owed_ms`;

/** The latest snapshot; undefined when there is none. */
export async function readShared(db: Queryable): Promise<SharedSnapshot | undefined> {
  const { rows } = await db.query<Row>(
    `select body, extract(epoch from clock_timestamp() - taken_at)::float8 * 1000 as age_ms, ${OWED_MS}
     from donations.monitor_snapshot where taken_at > '-infinity'`,
    [],
    'monitor_read_shared',
  );
  const [row] = rows;
  if (!row?.body) return undefined;
  return {
    body: JSON.parse(row.body),
    ageMs: Number(row.age_ms),
    owedMs: Number(row.owed_ms),
  };
}

/**
 * Takes the snapshot for all monitors, if it is due and no other monitor takes it: one statement claims it
 * for a few seconds, so that no lock is held while it is taken.
 *
 * @param by the monitor that takes it, and why.
 * @returns undefined when it is not due, or another monitor takes it.
 */
export async function refreshShared(
  db: Db,
  { by, need }: { by: string; need: Need },
  take: (before: Snapshot | undefined) => Promise<Snapshot>,
): Promise<SharedSnapshot | undefined> {
  const { leastAgeMs, creditMs } = NEEDS[need];
  const { rows } = await db.query<{ body: string | null }>(
    `insert into donations.monitor_snapshot as s (claimed_until)
     values (clock_timestamp() + make_interval(secs => $1::float8 / 1000))
     on conflict (only_one) do update set claimed_until = excluded.claimed_until
     where s.claimed_until < clock_timestamp()
       and s.taken_at < clock_timestamp() - make_interval(secs => $2::float8 / 1000)
       and (s.paid_until < clock_timestamp() + make_interval(secs => $3::float8 / 1000)
         or s.taken_at < clock_timestamp() - make_interval(secs => $4::float8 / 1000))
     returning body`,
    [CLAIM_MS, leastAgeMs, creditMs, MOST_AGE_MS],
    'monitor_claim',
  );
  const [claimed] = rows;
  if (!claimed) return undefined;
  const snapshot = await take(claimed.body === null ? undefined : JSON.parse(claimed.body));
  const { rows: kept } = await db.query<{ owed_ms: number }>(
    `with costs as (
       select case when cost_ms = 0 then $2 else least($2, cost_ms * ${GROWTH}) end as ms
       from donations.monitor_snapshot),
     kept as (
       update donations.monitor_snapshot
       set body = $1, taken_at = clock_timestamp(), claimed_until = '-infinity', cost_ms = costs.ms,
         paid_until = greatest(paid_until, clock_timestamp())
           + make_interval(secs => least(${MOST_AGE_MS}, costs.ms * ${PRICE_FACTOR}) / 1000)
       from costs returning paid_until)
     select ${OWED_MS}, pg_notify($3, $4) from kept`,
    [JSON.stringify(snapshot), snapshot.costMs, SNAPSHOT_CHANNEL, by],
    'monitor_share',
  );
  return { body: snapshot, ageMs: 0, owedMs: Number(kept[0]?.owed_ms ?? 0) };
}

/** Notifies the other monitors that the leading one ends. */
export async function announceLeave(db: Queryable): Promise<void> {
  await db.query('select pg_notify($1, $2)', [SNAPSHOT_CHANNEL, LEFT]);
}
