import type { BulkChange, Chosen, Plan } from '../bulk/change.ts';
import type { Queryable } from '../db/database.ts';
import { type BoundedCount, fromCursor, type Paging, toCursor } from '../db/page.ts';
import { NO_JIT, readWithin } from '../db/read.ts';
import { formatMoney } from '../money.ts';
import { plural } from '../output/text.ts';
import { CANNOT_BE_MAILED, problemWith } from './addresses.ts';
import { issueReceipts } from './issue.ts';
import { LISTED, statementOrders } from './statement-orders.ts';

/** Which statements. */
export interface StatementScope {
  year: number;
  /** The id of one donor; undefined: all. */
  donor: string | undefined;
}

/** How statements get to their donors: by mail, or on paper where no mail can be sent. */
type Way = 'email' | 'paper';

/** A donor with gifts in the year, and what became of the statement. */
export interface ListedStatement {
  donor: string;
  name: string;
  email: string | null;
  gifts: number;
  /** What the gifts add up to now, by currency, in minor units. */
  totals: { currency: string; minor: string }[];
  /** The statement's number; null when none was issued. */
  number: string | null;
  /** Of its last delivery; `void`; null when nothing was sent. */
  status: string | null;
  /** Why none is sent to the donor, or what is wrong with it; null: it is to be sent, or was. */
  why: string | null;
}

/** What sending the statements of a year would do. */
export interface StatementPlan extends Plan {
  donors: number;
  gifts: number;
}

/** The time limit of a query over all donors of a year, in milliseconds. */
export const YEAR_TIMEOUT_MS = 120_000;
/** Receipts of gifts made just now go first. */
const PRIORITY = 10;
/** The most statements in one transaction; each may have many gifts. */
const CHUNK = 500;
/** Key of the advisory lock of one year's statements. */
const LOCK = 7_302_147;

/**
 * SQL: the donors `n` with gifts in year `$1`, of `$2::text[]` unless that is null: their gifts, the newest
 * statement `s`, its delivery that came furthest `l`.
 */
const FROM = `(
    select d.donor_id, count(*)::int as gifts,
      jsonb_object_agg(d.id, (d.amount_minor - coalesce(f.minor, 0))::text) as net
    from donations.donations d
    left join lateral (
      select sum(amount_minor) as minor from donations.refunds f where f.donation_id = d.id) f on true
    where ($2::text[] is null or d.donor_id = any ($2)) and ${LISTED}
    group by d.donor_id
  ) g
  full join (
    select distinct on (r.donor_id) r.id, r.donor_id, r.status, r.label, r.void_reason
    from donations.receipts r
    where r.kind = 'annual' and r.year = $1 and ($2::text[] is null or r.donor_id = any ($2))
    order by r.donor_id, r.status = 'issued' desc, r.created_at desc, r.id desc
  ) s on s.donor_id = g.donor_id
  join donations.donors n on n.id = coalesce(g.donor_id, s.donor_id)
    and ($2::text[] is null or n.id = any ($2))
  left join donations.donor_emails e on e.donor_id = n.id and e.is_primary
  left join lateral (
    select case when y.bounced_at is null then y.status else 'bounced' end as status,
      coalesce(y.reason, y.bounce_reason) as reason
    from donations.receipt_deliveries y where y.receipt_id = s.id
    order by array_position(array['accepted', 'sending', 'pending', 'held', 'failed'],
      case when y.bounced_at is null then y.status else 'failed' end), y.created_at desc limit 1) l on true`;

/** SQL: the gifts of a live statement are not what they were when it was issued. */
const CHANGED = `s.status = 'issued' and g.net is distinct from (
  select jsonb_object_agg(x->>'donationId', x->>'amountMinor')
  from donations.receipts r cross join jsonb_array_elements(r.content->'statement'->'gifts') x
  where r.id = s.id)`;

/** SQL: why a donor gets no statement this way; null for those who get one. */
const skip = (way: Way) => `case
  when ${CHANGED} then 'the gifts have changed since the statement: donations receipts reissue'
  when s.status = 'issued' then 'the statement was issued already'
  when s.status = 'void' then 'the statement is void: donations receipts reissue'
  ${
    way === 'paper'
      ? `when not ${CANNOT_BE_MAILED} then 'the donor can be mailed'`
      : `when e.email is null then 'the donor has no e-mail address'
  when not n.may_be_mailed then 'the donor does not want mail'
  when ${CANNOT_BE_MAILED} then 'the address gets no mail'`
  }
end`;

const ORDER = 'statements by name';

/**
 * One page of the donors with gifts in a year, by name, and what became of each statement.
 * @throws UserError `usage` when the cursor is of another list.
 */
export async function listStatements(
  tx: Queryable,
  { year, donor }: StatementScope,
  { unsent, limit, after }: { unsent: boolean } & Paging,
): Promise<{ statements: ListedStatement[]; next: string | undefined; total: BoundedCount }> {
  const [name = null, id = null] = after === undefined ? [] : fromCursor(after, ORDER);
  const { rows } = await tx.query<ListedStatement & { total: number }>(
    // Materialized, because for a few rows in the order of names Postgres would search all donors for each.
    `with found as materialized (
       select n.id as donor, n.name, e.email, coalesce(g.gifts, 0) as gifts, g.net, s.label as number,
         case when s.status = 'void' then 'void' else l.status end as status,
         case
           when ${CHANGED} then 'the gifts have changed since: donations receipts reissue ' || s.label
           when s.status = 'void' then 'it is void (' || s.void_reason || '): donations receipts reissue ' || s.label
           when l.status in ('held', 'failed', 'bounced') then l.reason
           when s.status = 'issued' and l.status is null then 'it was issued and not sent'
           when s.status = 'issued' then null
           when e.email is null or not n.may_be_mailed then ${skip('email')}
           else ${problemWith('e.email')}
         end as why
       from ${FROM}
     ), chosen as (
       select * from found where not $3 or why is not null or number is null
     ), listed as (
       select * from chosen where $4::text is null or (name, donor) > ($4, $5)
       order by name, donor limit $6
     )
     select donor, name, email, gifts, number, status, why, (select count(*) from chosen)::int as total,
       coalesce((
         select json_agg(json_build_object('currency', t.currency, 'minor', t.minor::text) order by t.minor desc)
         from (select d.currency, sum(v.value::bigint) as minor from jsonb_each_text(net) v
               join donations.donations d on d.id = v.key
               where d.method not in ('in_kind', 'stock') group by d.currency) t), '[]') as totals
     from listed order by name, donor`,
    [year, donor ? [donor] : null, unsent, name, id, limit + 1],
  );
  const statements = rows.slice(0, limit).map(({ total: _, ...statement }) => statement);
  const last = rows.length > limit ? statements.at(-1) : undefined;
  return {
    statements,
    next: last && toCursor(ORDER, [last.name, last.donor]),
    total: { count: rows[0]?.total ?? 0, more: false },
  };
}

/**
 * Issues and sends the statements of a year: one for each donor, with all gifts of the year, by jobs
 * like those of receipts. A donor who has a statement of the year gets no other, however often and by how
 * many this is run. What was cut short is finished by running it again.
 *
 * @param way `paper` issues those of donors who cannot be mailed, and sends nothing: they are printed with
 * the receipts that wait for it.
 */
export function sendStatements(scope: StatementScope, way: Way): BulkChange<StatementPlan> {
  const { year } = scope;
  const next =
    way === 'paper'
      ? 'donations receipts print --pending -o statements.pdf'
      : `donations statements list --year ${year}`;
  return {
    words: {
      verb: way === 'paper' ? 'issue' : 'send',
      past: 'Issued',
      one: 'statement',
      many: 'statements',
      effects: way === 'paper' ? undefined : 'sends',
      next: (operation) => `Next: ${next}   (audit: donations audit show ${operation})`,
    },
    action: way === 'paper' ? 'statements.issue' : 'statements.send',
    scope: `year:${year}${scope.donor ? ` donor:${scope.donor}` : ''}`,
    question: 'count',
    plan: (db, limit) => readWithin(db, YEAR_TIMEOUT_MS, (tx) => look(tx, scope, way, limit)),
    hasOutgrown: async (db, plan) =>
      (await readWithin(db, YEAR_TIMEOUT_MS, (tx) => look(tx, scope, way, 0))).eligible >
      plan.eligible,
    describe: ({ gifts }) => [['gifts', plural(gifts, 'gift')]],
    warnings: ({ at }) =>
      at.getUTCFullYear() <= year
        ? [`${year} is not over: after a later gift the statement must be reissued`]
        : [],
    toRecord: ({ examples, donors, gifts, ...plan }) => ({
      ...plan,
      donor_count: donors,
      gift_count: gifts,
      examples: examples.map(({ id }) => id),
    }),
    walks: async () => [{ choose: (tx, at) => choose(tx, scope, way, at) }],
  };
}

async function look(
  tx: Queryable,
  { year, donor }: StatementScope,
  way: Way,
  limit: number,
): Promise<StatementPlan> {
  const { rows } = await tx.query<
    Omit<StatementPlan, 'effects' | 'examples'> & {
      examples: { id: string; name: string; email: string | null; gifts: number; net: Total[] }[];
    }
  >(
    `with found as materialized (
       select n.id, n.name, e.email, g.gifts, g.net, ${skip(way)} as skip from ${FROM}
     ), chosen as materialized (
       select * from found where skip is null order by id limit $3::bigint
     )
     select now() as at, (select count(*)::int from found where skip is null) as eligible,
       (select count(*)::int from chosen) as count,
       (select count(*)::int from chosen) as donors,
       (select coalesce(sum(gifts), 0)::int from chosen) as gifts,
       (select coalesce(json_agg(json_build_object('id', id, 'name', name, 'email', email, 'gifts', gifts,
           'net', (select json_agg(json_build_object('minor', v.value, 'currency', d.currency))
             from jsonb_each_text(net) v join donations.donations d on d.id = v.key))), '[]')
          from (select * from chosen order by id limit 3) first) as examples,
       (select coalesce(json_agg(json_build_object('reason', skip, 'count', count) order by count desc), '[]')
          from (select skip, count(*) from found where skip is not null group by skip) x) as skipped`,
    [year, donor ? [donor] : null, limit],
  );
  const { examples, ...plan } = rows[0] as (typeof rows)[number];
  return {
    ...plan,
    effects: way === 'paper' ? [] : [plural(plan.count, 'e-mail')],
    examples: examples.map(({ id, name, email, gifts, net }) => ({
      id,
      text: `${name}  ${email ?? ''}  ${plural(gifts, 'gift')}  ${inWords(net)}`,
    })),
  };
}

interface Total {
  minor: string;
  currency: string;
}

/** Amounts added up by currency: `$75.00 USD, €20.00 EUR`. */
function inWords(amounts: Total[]): string {
  const totals = new Map<string, bigint>();
  for (const { minor, currency } of amounts)
    totals.set(currency, (totals.get(currency) ?? 0n) + BigInt(minor));
  return [...totals].map(([currency, minor]) => formatMoney({ minor, currency })).join(', ');
}

/**
 * The next donors who have no statement. One transaction at a time issues statements of a year, since the
 * numbers of their series are one after the other.
 */
async function choose(
  tx: Queryable,
  { year, donor }: StatementScope,
  way: Way,
  { size, after }: { size: number; after: string[] | undefined },
): Promise<Chosen | undefined> {
  await tx.query(NO_JIT);
  await tx.query('select pg_advisory_xact_lock($1, $2)', [LOCK, year]);
  let beyond = after?.[0] ?? '';
  for (;;) {
    const { rows } = await tx.query<{ id: string }>(
      `select n.id from donations.donors n
       where n.id > $2 and ($3::text is null or n.id = $3)
         and exists (select 1 from donations.donations d where d.donor_id = n.id and ${LISTED})
         and not exists (select 1 from donations.receipts r
           where r.donor_id = n.id and r.kind = 'annual' and r.year = $1)
       order by n.id limit $4`,
      [year, beyond, donor ?? null, Math.min(size, CHUNK)],
    );
    const last = rows.at(-1);
    if (!last) return undefined;
    beyond = last.id;
    const eligible = await tx.query<{ id: string }>(
      `select n.id from ${FROM} where ${skip(way)} is null order by n.id`,
      [year, rows.map(({ id }) => id)],
    );
    const donors = eligible.rows.map(({ id }) => id);
    if (donors.length === 0) continue;
    return {
      count: donors.length,
      ids: JSON.stringify(donors),
      reached: [last.id],
      change: () => issueAll(tx, year, donors, way === 'email'),
    };
  }
}

async function issueAll(
  tx: Queryable,
  year: number,
  donors: string[],
  mailed: boolean,
): Promise<Record<string, unknown>> {
  const orders = await statementOrders(tx, year, donors);
  const issued = await issueReceipts(
    tx,
    orders.map((order) => ({ ...order, mailed, priority: PRIORITY })),
  );
  return { receipts: issued.map(({ receiptId }) => receiptId) };
}
