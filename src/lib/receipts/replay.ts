import type { BulkChange, Chosen, Place, Plan } from '../bulk/change.ts';
import type { Queryable } from '../db/database.ts';
import { NO_JIT, readWithin } from '../db/read.ts';
import { Bindings } from '../filter/compile.ts';
import { newId } from '../ids.ts';
import { plural } from '../output/text.ts';
import { problemWith } from './addresses.ts';
import { enqueueDeliveries } from './enqueue.ts';
import { MAY_GO_TWICE, WAITS } from './reopen.ts';
import { endJobs } from './settle.ts';
import { conditionsOn, parseReceiptFilter, type ReceiptFilter } from './vocabulary.ts';

/** What a replay would do. */
export interface ReplayPlan extends Plan {
  donors: number;
  /** How many may have been sent already. */
  unknown: number;
}

export interface ReplayOptions {
  /** How many milliseconds lie between the first mail and the last, or between one and the next. */
  spreadMs?: number | undefined;
  everyMs?: number | undefined;
  /** Also those that may have been sent. */
  includeHeld: boolean;
  /** Also to addresses that get no mail because mail to them did not arrive. */
  force: boolean;
}

const PLAN_TIMEOUT_MS = 60_000;
const EXAMPLES = 3;

const FROM = `donations.receipt_deliveries d
  join donations.receipts r on r.id = d.receipt_id
  left join donations.donor_emails e on e.donor_id = r.donor_id and e.is_primary
  -- What there is of other deliveries of the same receipt.
  cross join lateral (
    select coalesce(bool_or(x.status in ('pending', 'sending')), false) as under_way,
      coalesce(bool_or(x.status = 'accepted' and x.bounced_at is null), false) as sent,
      coalesce(bool_or(x.created_at > d.created_at), false) as newer
    from donations.receipt_deliveries x where x.receipt_id = r.id and x.id <> d.id) o`;

/**
 * SQL: where it is sent now. A receipt to the donor goes to the donor's address of today, since the
 * old one may be the reason why it failed; one that a person sent elsewhere goes there again.
 */
const RECIPIENT = `case when d.recipient = r.content->'donor'->>'email' then coalesce(e.email, d.recipient) else d.recipient end`;

/** SQL: why a delivery is passed over; null for one that is sent again. */
function skip({ includeHeld, force }: ReplayOptions): string {
  const reasons: [when: string, why: string][] = [
    [`d.status in ('pending', 'sending')`, `'it is on its way'`],
    [`d.status = 'accepted' and d.bounced_at is null`, `'it was sent'`],
    [`r.status = 'void'`, `'its receipt is void'`],
    // Postgres reads this again after it waited for another replay of it, but not the others.
    [`d.sent_again_as is not null`, `'it was sent again'`],
    ['o.under_way', `'another delivery of it is on its way'`],
    ['o.sent', `'another delivery of it was sent'`],
    // Of several that failed, the newest.
    ['o.newer', `'there is a newer delivery of it'`],
  ];
  if (!includeHeld)
    reasons.push([
      `d.status = 'held'`,
      `'it may have been sent: --include-held sends it all the same'`,
    ]);
  if (!force)
    reasons.push([
      `${problemWith(RECIPIENT)} is not null`,
      `'its address gets no mail: --force sends it all the same'`,
    ]);
  return `case ${reasons.map(([when, why]) => `when ${when} then ${why}`).join(' ')} end`;
}

/** Sends receipts again that did not reach their donors: failed ones, and on request bounced and held ones. */
export function replayReceipts(
  asked: ReceiptFilter,
  options: ReplayOptions,
): BulkChange<ReplayPlan> {
  const filter = withStatus(asked, options);
  const conditions = (bindings: Bindings) => conditionsOn(filter, bindings);
  return {
    words: {
      verb: 'replay',
      past: 'Replayed',
      one: 'receipt',
      many: 'receipts',
      effects: 'sends',
      next: (operation) =>
        `Next: donations receipts list --failed   (audit: donations audit show ${operation})`,
    },
    action: 'receipts.replay',
    scope: filter.text,
    question: 'count',
    plan: (db, limit) =>
      readWithin(db, PLAN_TIMEOUT_MS, (tx) => look(tx, conditions, options, limit)),
    hasOutgrown: async (db, plan) =>
      (await readWithin(db, PLAN_TIMEOUT_MS, (tx) => look(tx, conditions, options, 0))).eligible >
      plan.eligible,
    describe: () => [],
    warnings: ({ unknown }) =>
      unknown > 0
        ? [`${plural(unknown, 'donor')} may have the receipt already, and get it twice`]
        : [],
    toRecord: ({ examples, donors, ...plan }) => ({
      ...plan,
      donor_count: donors,
      examples: examples.map(({ id }) => id),
    }),
    walks: async (_db, plan) => [
      {
        choose: (tx, at) => choose(tx, conditions, options, { ...at, until: plan.at }),
      },
    ],
  };
}

/** The filter with the statuses that are meant when it names none. */
function withStatus(filter: ReceiptFilter, { includeHeld }: ReplayOptions): ReceiptFilter {
  if (filter.terms.some(({ name }) => name === 'status')) return filter;
  return parseReceiptFilter(`${filter.text} status:failed${includeHeld ? ',held' : ''}`.trim());
}

async function look(
  tx: Queryable,
  conditions: (bindings: Bindings) => string,
  options: ReplayOptions,
  limit: number,
): Promise<ReplayPlan> {
  const bindings = new Bindings();
  const { rows } = await tx.query<Omit<ReplayPlan, 'effects' | 'count'> & { count: number }>(
    `with found as materialized (
       select d.id, d.created_at, r.donor_id, r.label, d.status, ${RECIPIENT} as recipient,
         coalesce(d.reason, d.bounce_reason) as reason, ${skip(options)} as skip
       from ${FROM} where ${conditions(bindings)}
     ), chosen as materialized (
       select * from found where skip is null order by created_at, id limit ${bindings.add(limit)}::bigint
     )
     select now() as at, (select count(*)::int from found where skip is null) as eligible,
       (select count(*)::int from chosen) as count,
       (select count(distinct donor_id)::int from chosen) as donors,
       (select count(*)::int from chosen where status = 'held') as unknown,
       (select coalesce(json_agg(json_build_object('id', id, 'text', concat_ws('  ', label, recipient, reason))), '[]')
          from (select * from chosen order by created_at, id limit ${EXAMPLES}) first) as examples,
       (select coalesce(json_agg(json_build_object('reason', skip, 'count', count) order by count desc), '[]')
          from (select skip, count(*) from found where skip is not null group by skip) s) as skipped`,
    bindings.values,
  );
  const plan = rows[0] as Omit<ReplayPlan, 'effects'>;
  return {
    ...plan,
    effects: [`${plural(plan.count, 'e-mail')} to ${plural(plan.donors, 'donor')}`],
  };
}

interface Row {
  id: string;
  createdAt: string;
  receipt: string;
  donation: string;
  job: string | null;
  status: 'failed' | 'held' | 'accepted';
  recipient: string;
}

/** The next deliveries, locked. It skips those that another replay is sending again. */
async function choose(
  tx: Queryable,
  conditions: (bindings: Bindings) => string,
  options: ReplayOptions,
  { size, after, until }: { size: number; after: string[] | undefined; until: Date },
): Promise<Chosen | undefined> {
  const bindings = new Bindings();
  const beyond = after
    ? `and (d.created_at, d.id) > (${bindings.add(after[0])}::timestamptz, ${bindings.add(after[1])})`
    : '';
  // By their keys, one after the other: the statistics may be from the time before the outage,
  // also to Graphile Worker's functions, which look for each job's key.
  await tx.query(`${NO_JIT}; set local enable_seqscan = off; set local enable_mergejoin = off`);
  const { rows } = await tx.query<Row>(
    `select d.id, d.created_at::text as "createdAt", r.id as receipt, d.job_id::text as job, d.status,
       (select min(c.donation_id) from donations.receipt_donations c where c.receipt_id = r.id) as donation,
       ${RECIPIENT} as recipient
     from ${FROM}
     where ${conditions(bindings)} and ${skip(options)} is null ${beyond}
       and d.created_at <= ${bindings.add(until)}::timestamptz + interval '1 millisecond'
     order by d.created_at, d.id limit ${bindings.add(size)}::int
     -- The receipt as well: another delivery of it may be made meanwhile.
     for no key update of d, r skip locked`,
    bindings.values,
  );
  const last = rows.at(-1);
  if (!last) return undefined;
  return {
    count: rows.length,
    ids: JSON.stringify(rows.map(({ id }) => id)),
    reached: [last.createdAt, last.id],
    change: (place) => sendAgain(tx, rows, options, place),
  };
}

/** SQL: what becomes of a delivery, by what it was. Of what was accepted it is the copy that is changed. */
const CHANGES = [
  ['failed', WAITS],
  ['held', MAY_GO_TWICE],
  ['accepted', `status = 'pending'`],
] as const;

async function sendAgain(
  tx: Queryable,
  rows: Row[],
  options: ReplayOptions,
  { first, total }: Place,
): Promise<Record<string, unknown>> {
  await endJobs(
    tx,
    rows.flatMap(({ job }) => job ?? []),
  );
  const gap = options.everyMs ?? (options.spreadMs ?? 0) / Math.max(1, total);
  const bounced = rows.filter(({ status }) => status === 'accepted');
  const copies =
    bounced.length > 0 ? await makeCopies(tx, bounced, options) : new Map<string, string>();
  const sent = rows.map((row, i) => ({
    deliveryId: copies.get(row.id) ?? row.id,
    donationId: row.donation,
    recipient: row.recipient,
    inMs: Math.floor(gap * (first + i)),
  }));
  const jobs = await enqueueDeliveries(tx, sent);
  const changed = sent.map(({ deliveryId, recipient }, i) => ({
    id: deliveryId,
    status: rows[i]?.status,
    recipient,
    job: jobs[i]?.toString(),
    forced: options.force,
  }));
  for (const [status, change] of CHANGES) {
    const of = changed.filter((each) => each.status === status);
    if (of.length === 0) continue;
    await tx.query(
      `update donations.receipt_deliveries d
       set ${change}, job_id = a.job, recipient = a.recipient, forced = d.forced or a.forced
       from json_to_recordset($1::json) as a(id text, recipient text, job bigint, forced boolean)
       where d.id = a.id`,
      [JSON.stringify(of)],
    );
  }
  return { deliveries: sent.map(({ deliveryId }) => deliveryId) };
}

/** What was accepted stays so: a mail that bounced goes again as another delivery. @returns their ids by the old ones. */
async function makeCopies(
  tx: Queryable,
  rows: Row[],
  { force }: ReplayOptions,
): Promise<Map<string, string>> {
  const copies = rows.map(({ id, receipt, recipient }) => ({
    old: id,
    id: newId('delivery'),
    receipt,
    recipient,
  }));
  await tx.query(
    `with copies as (
       select * from json_to_recordset($1::json) as c(id text, old text, receipt text, recipient text)
     ), made as (
       insert into donations.receipt_deliveries (id, receipt_id, kind, recipient, status, forced)
       select id, receipt, 'copy', recipient, 'pending', $2 from copies
     )
     update donations.receipt_deliveries d set sent_again_as = c.id from copies c where d.id = c.old`,
    [JSON.stringify(copies), force],
  );
  return new Map(copies.map(({ old, id }) => [old, id]));
}
