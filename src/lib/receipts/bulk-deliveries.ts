import type { Place, Plan, Walk } from '../bulk/change.ts';
import type { Db, Queryable } from '../db/database.ts';
import { NO_JIT, readWithin } from '../db/read.ts';
import { Bindings } from '../filter/compile.ts';
import { plural } from '../output/text.ts';
import { conditionsOn, type ReceiptFilter } from './vocabulary.ts';

/** What a bulk change of deliveries would do. */
export interface DeliveryPlan extends Plan {
  donors: number;
  /** How many may have been sent already. */
  unknown: number;
}

/** SQL: a condition, and what is said when it holds. */
export type Reason = [when: string, why: string];

/** Why deliveries are skipped; the first reason that applies is said. */
export interface Skip {
  first: Reason[];
  /** Conditions that are aggregates over `x`, the other deliveries of the same receipt. */
  amongOthers?: Reason[];
  last?: Reason[];
}

/** The deliveries of a bulk change. In SQL, `d` is a delivery, `r` its receipt, `e` the donor's address of today. */
export interface Selection {
  filter: ReceiptFilter;
  /** SQL on `d` alone: a condition that every changed delivery meets. */
  candidates: string;
  skip: Skip;
  /** SQL: the address that the mail goes to. */
  recipient: string;
}

/** The deliveries that one transaction changes. They are the rows of `chosen_deliveries`. */
export interface ChosenDeliveries {
  /** In the order of their `place`, oldest first. */
  ids: string[];
  /** The jobs that were to send them. */
  jobs: number[];
  /** How many were accepted. */
  accepted: number;
  /** How many go to another address than before. */
  readdressed: number;
}

/**
 * Kept in Postgres, so that a chunk's ids do not go over the connection several times. `recipient` is
 * where the mail goes now.
 */
const CHOSEN = `create temporary table chosen_deliveries (id text, receipt_id text, job_id bigint, status text,
  recipient text, is_readdressed boolean, created_at timestamptz, place bigint) on commit drop`;

const PLAN_TIMEOUT_MS = 60_000;
const EXAMPLES = 3;
const PLAN_MEMORY = '16MB';
/** The least number of candidates in one step. */
const LOOKED_AT = 500;

const FROM = `donations.receipt_deliveries d
  join donations.receipts r on r.id = d.receipt_id
  left join donations.donor_emails e on e.donor_id = r.donor_id and e.is_primary`;

/** SQL: another delivery of the receipt may be sent yet. */
export const UNDER_WAY = `bool_or(x.status in ('pending', 'sending'))`;

/** SQL: the first reason that applies; null if none does. */
const firstOf = (reasons: Reason[] = []): string =>
  reasons.length === 0
    ? 'null::text'
    : `case ${reasons.map(([when, why]) => `when ${when} then '${why}'`).join(' ')} end`;

/**
 * SQL for a `with`: `found`, the deliveries that meet the condition, each with why it is skipped, or
 * null. (Joins, because Postgres runs a lateral subquery once for each delivery.)
 */
const findIn = ({ skip }: Selection, columns: string, condition: string): string =>
  `looked as materialized (
     select d.id, d.receipt_id, d.created_at, d.claimed_at, d.status, ${columns},
       ${firstOf(skip.first)} as first_why, ${firstOf(skip.last)} as last_why
     from ${FROM} where ${condition}
   ), others as (
     select d.id, ${firstOf(skip.amongOthers)} as why from looked d
     join donations.receipt_deliveries x on x.receipt_id = d.receipt_id and x.id <> d.id
     group by d.id
   ), found as materialized (
     select d.*, coalesce(d.first_why, o.why, d.last_why) as skip
     from looked d left join others o on o.id = d.id
   )`;

/** Plans a change of at most `limit` of the deliveries. */
export function planDeliveries(db: Db, selection: Selection, limit: number): Promise<DeliveryPlan> {
  return readWithin(db, PLAN_TIMEOUT_MS, (tx) => look(tx, selection, limit));
}

/** Whether more deliveries are eligible now than when the plan was made. */
export const haveOutgrown = async (db: Db, selection: Selection, { eligible }: DeliveryPlan) =>
  (await planDeliveries(db, selection, 0)).eligible > eligible;

async function look(tx: Queryable, selection: Selection, limit: number) {
  const { filter, recipient } = selection;
  const bindings = new Bindings();
  // Otherwise the deliveries of one outage are sorted on disk.
  await tx.query(`set local work_mem = '${PLAN_MEMORY}'`);
  const { rows } = await tx.query<Omit<DeliveryPlan, 'effects'>>(
    `with ${findIn(selection, 'r.donor_id', conditionsOn(filter, bindings))}, tally as (
       select skip, count(*)::int from found group by skip
     ), chosen as materialized (
       select id, created_at, donor_id, status from found where skip is null
       order by created_at, id limit ${bindings.add(limit)}::bigint
     )
     select now() as at, coalesce((select count from tally where skip is null), 0) as eligible, c.*, n.*,
       (select coalesce(json_agg(json_build_object('id', d.id, 'text',
                 concat_ws('  ', r.label, ${recipient}, coalesce(d.reason, d.bounce_reason))) order by d.created_at, d.id), '[]')
          from (select id from chosen order by created_at, id limit ${EXAMPLES}) first, ${FROM}
          where d.id = first.id) as examples,
       (select coalesce(json_agg(json_build_object('reason', skip, 'count', count) order by count desc), '[]')
          from tally where skip is not null) as skipped
     from (select count(*)::int as count, count(*) filter (where status = 'held')::int as unknown from chosen) c
     cross join (select count(*)::int as donors from (select distinct donor_id from chosen) d) n`,
    bindings.values,
  );
  const plan = rows[0] as Omit<DeliveryPlan, 'effects'>;
  return {
    ...plan,
    effects: [`${plural(plan.count, 'e-mail')} to ${plural(plan.donors, 'donor')}`],
  };
}

/**
 * Walks through the deliveries that a plan found, oldest first. Those that another operator is
 * changing are skipped.
 */
export const walkDeliveries = (
  selection: Selection,
  until: Date,
  change: (
    tx: Queryable,
    chosen: ChosenDeliveries,
    place: Place,
  ) => Promise<Record<string, unknown>>,
): Walk => ({
  async choose(tx, { size, after }) {
    // Rows are looked up by their keys, because the statistics may be from before the outage. This also holds
    // for Graphile Worker's functions, which look up each job's key.
    // Starting parallel workers takes longer than a chunk.
    await tx.query(
      `${NO_JIT}; set local enable_seqscan = off; set local enable_mergejoin = off; set local enable_hashjoin = off;
       set local max_parallel_workers_per_gather = 0; ${CHOSEN}`,
    );
    let reached = after;
    for (;;) {
      // Many candidates may be skipped before the last few are found.
      const locked = await lock(tx, selection, {
        size: Math.max(size, LOOKED_AT),
        after: reached,
        until,
      });
      if (!locked) return undefined;
      const { last, ...chosen } = await fillChosen(tx, selection, locked.ids, size);
      reached = last ?? locked.last;
      if (chosen.ids.length === 0) continue;
      return {
        count: chosen.ids.length,
        ids: JSON.stringify(chosen.ids),
        reached,
        change: (place) => change(tx, chosen, place),
      };
    }
  },
});

/**
 * Locks the next candidates. Everything that makes another delivery of a receipt, or sends one again,
 * locks the receipt's deliveries first.
 * @returns their ids as a Postgres array, and the position of the last one.
 */
async function lock(
  tx: Queryable,
  { filter, candidates }: Selection,
  { size, after, until }: { size: number; after: string[] | undefined; until: Date },
): Promise<{ ids: string; last: string[] } | undefined> {
  const bindings = new Bindings();
  const beyond = after
    ? `and (d.created_at, d.id) > (${bindings.add(after[0])}::timestamptz, ${bindings.add(after[1])})`
    : '';
  // An outer join, which Postgres leaves out unless the filter asks for something of the receipt.
  const { rows } = await tx.query<{ ids: string | null; last: string[] }>(
    `with locked as (
       select d.id, d.created_at
       from donations.receipt_deliveries d left join donations.receipts r on r.id = d.receipt_id
       where ${conditionsOn(filter, bindings)} and ${candidates} ${beyond}
         and d.created_at <= ${bindings.add(until)}::timestamptz + interval '1 millisecond'
       order by d.created_at, d.id limit ${bindings.add(size)}::int
       for no key update of d skip locked
     )
     select ids::text, json_build_array(at::text, ids[cardinality(ids)]) as last
     from (select array_agg(id) as ids, max(created_at) as at from locked) l`,
    bindings.values,
  );
  const [row] = rows;
  return row?.ids ? { ids: row.ids, last: row.last } : undefined;
}

/**
 * Puts at most `size` of the locked deliveries into `chosen_deliveries`. A separate statement reads them as
 * they are after the locks.
 * @returns also the position of the last of them, if others are left.
 */
async function fillChosen(
  tx: Queryable,
  selection: Selection,
  locked: string,
  size: number,
): Promise<ChosenDeliveries & { last: string[] | null }> {
  const { recipient } = selection;
  const columns = `d.job_id, ${recipient} as recipient, ${recipient} <> d.recipient as is_readdressed`;
  const { rows } = await tx.query<ChosenDeliveries & { last: string[] | null }>(
    `with ${findIn(selection, columns, 'd.id = any ($1::text[])')}, eligible as materialized (
       select id, receipt_id, job_id, status, recipient, is_readdressed, created_at,
         row_number() over (order by created_at, id) as place
       from found where skip is null
     ), chosen as (
       insert into chosen_deliveries select * from eligible where place <= $2 returning *
     )
     select coalesce(json_agg(id order by place), '[]') as ids,
       coalesce(json_agg(job_id) filter (where job_id is not null), '[]') as jobs,
       count(*) filter (where status = 'accepted')::int as accepted,
       count(*) filter (where is_readdressed)::int as readdressed,
       (select json_build_array(created_at::text, id) from eligible
        where place = $2 and exists (select from eligible where place > $2)) as last
     from chosen`,
    [locked, size],
  );
  return rows[0] as ChosenDeliveries & { last: string[] | null };
}
