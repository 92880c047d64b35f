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

/** A delivery that is changed. */
export interface ChosenDelivery {
  id: string;
  receipt: string;
  job: string | null;
  status: 'failed' | 'held' | 'accepted';
  /** Where it is sent now, and whether the address is new. */
  recipient: string;
  isReaddressed: boolean;
}

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
    `with ${findIn(selection, 'r.donor_id', conditionsOn(filter, bindings))}, chosen as materialized (
       select id, created_at, donor_id, status from found where skip is null
       order by created_at, id limit ${bindings.add(limit)}::bigint
     )
     select now() as at, (select count(*)::int from found where skip is null) as eligible, c.*,
       (select coalesce(json_agg(json_build_object('id', d.id, 'text',
                 concat_ws('  ', r.label, ${recipient}, coalesce(d.reason, d.bounce_reason))) order by d.created_at, d.id), '[]')
          from (select id from chosen order by created_at, id limit ${EXAMPLES}) first, ${FROM}
          where d.id = first.id) as examples,
       (select coalesce(json_agg(json_build_object('reason', skip, 'count', count) order by count desc), '[]')
          from (select skip, count(*) from found where skip is not null group by skip) s) as skipped
     from (select count(*)::int as count, count(distinct donor_id)::int as donors,
             count(*) filter (where status = 'held')::int as unknown from chosen) c`,
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
  change: (tx: Queryable, rows: ChosenDelivery[], place: Place) => Promise<Record<string, unknown>>,
): Walk => ({
  async choose(tx, { size, after }) {
    // Rows are looked up by their keys, because the statistics may be from before the outage. This also holds
    // for Graphile Worker's functions, which look up each job's key.
    // Starting parallel workers takes longer than a chunk.
    await tx.query(
      `${NO_JIT}; set local enable_seqscan = off; set local enable_mergejoin = off;
       set local max_parallel_workers_per_gather = 0`,
    );
    let reached = after;
    for (;;) {
      // Many candidates may be skipped before the last few are found.
      const locked = await lock(tx, selection, {
        size: Math.max(size, LOOKED_AT),
        after: reached,
        until,
      });
      if (locked.length === 0) return undefined;
      const eligible = await readEligible(
        tx,
        selection,
        locked.map(({ id }) => id),
      );
      const rows = eligible.slice(0, size);
      const lastId = eligible.length > size ? rows.at(-1)?.id : undefined;
      const last = locked.find(({ id }) => id === lastId) ?? locked.at(-1);
      reached = [last?.createdAt as string, last?.id as string];
      if (rows.length === 0) continue;
      return {
        count: rows.length,
        ids: JSON.stringify(rows.map(({ id }) => id)),
        reached,
        change: (place) => change(tx, rows, place),
      };
    }
  },
});

/**
 * Locks the next candidates. Everything that makes another delivery of a receipt, or sends one again,
 * locks the receipt's deliveries first.
 */
async function lock(
  tx: Queryable,
  { filter, candidates }: Selection,
  { size, after, until }: { size: number; after: string[] | undefined; until: Date },
): Promise<{ id: string; createdAt: string }[]> {
  const bindings = new Bindings();
  const beyond = after
    ? `and (d.created_at, d.id) > (${bindings.add(after[0])}::timestamptz, ${bindings.add(after[1])})`
    : '';
  // An outer join, which Postgres leaves out unless the filter asks for something of the receipt.
  const { rows } = await tx.query<{ id: string; createdAt: string }>(
    `select d.id, d.created_at::text as "createdAt"
     from donations.receipt_deliveries d left join donations.receipts r on r.id = d.receipt_id
     where ${conditionsOn(filter, bindings)} and ${candidates} ${beyond}
       and d.created_at <= ${bindings.add(until)}::timestamptz + interval '1 millisecond'
     order by d.created_at, d.id limit ${bindings.add(size)}::int
     for no key update of d skip locked`,
    bindings.values,
  );
  return rows;
}

/** The locked deliveries that are changed. A separate statement reads them as they are after the locks. */
async function readEligible(
  tx: Queryable,
  selection: Selection,
  ids: string[],
): Promise<ChosenDelivery[]> {
  const { recipient } = selection;
  const columns = `d.job_id, ${recipient} as recipient, ${recipient} <> d.recipient as is_readdressed`;
  const { rows } = await tx.query<ChosenDelivery>(
    `with ${findIn(selection, columns, 'd.id = any ($1)')}
     select id, receipt_id as receipt, job_id::text as job, status, recipient,
       is_readdressed as "isReaddressed"
     from found where skip is null order by created_at, id`,
    [ids],
  );
  return rows;
}
