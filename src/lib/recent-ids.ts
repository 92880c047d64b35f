import type { Queryable } from './db/database.ts';
import { formatMoney } from './money.ts';

/** An id or a name, and a description of it. */
export interface RecentId {
  id: string;
  about: string;
}

const MOST = 20;

interface Row extends RecentId {
  minor?: bigint;
  currency?: string;
}

/** How many of the latest gifts are searched for funds and campaigns. */
const LOOKED_THROUGH = 2000;

// $1 is what was typed of the id. Ids ascend with time.
const LATEST = {
  donation: `select d.id, n.name as about, d.amount_minor as minor, d.currency
    from donations.donations d join donations.donors n on n.id = d.donor_id
    where starts_with(d.id, $1) order by d.id desc limit ${MOST}`,
  // A receipt by its number, or by its id if that is what is typed.
  receipt: `select case when starts_with('rcp_', left($1, 4)) and $1 <> '' then id else label end as id,
      content->'donor'->>'name' as about, amount_minor as minor, currency
    from donations.receipts where starts_with(label, $1) or starts_with(id, $1)
    order by created_at desc, id desc limit ${MOST}`,
  held: `select r.label as id, 'held, to ' || d.recipient as about
    from donations.receipt_deliveries d join donations.receipts r on r.id = d.receipt_id
    where d.needs_attention and d.status = 'held' and starts_with(r.label, $1)
    order by d.created_at desc, d.id desc limit ${MOST}`,
  delivery: `select id, status || ' to ' || recipient as about from donations.receipt_deliveries
    where starts_with(id, $1) order by id desc limit ${MOST}`,
  // A donor by address, or by id if an id is typed or there is no address.
  donor: `select case when starts_with('dnr_', left($1, 4)) and $1 <> '' then id else coalesce(email, id) end as id,
      name as about
    from (
      select * from (select n.id, n.name, e.email from donations.donor_emails e
        join donations.donors n on n.id = e.donor_id
        where $1 <> '' and starts_with(lower(e.email), lower($1)) order by e.email limit ${MOST}) by_address
      union all
      select * from (select n.id, n.name, e.email from donations.donors n
        left join donations.donor_emails e on e.donor_id = n.id and e.is_primary
        where starts_with(n.id, $1) order by n.id desc limit ${MOST}) by_id
    ) found`,
  // First the jobs that failed or are held, then those that ran last.
  job: `select * from (select job_id::text as id, task || ' ' || case decision when 'fail' then 'failed' else 'held' end as about
      from donations.job_verdicts where decision <> 'retry' and starts_with(job_id::text, $1)
      order by decided_at desc limit ${MOST}) ended
    union all
    select * from (select job_id::text, task || ' ' || outcome from donations.job_attempts
      where starts_with(job_id::text, $1) order by started_at desc limit ${MOST}) ran`,
  fingerprint: `select fingerprint as id, max(message) as about from donations.job_verdicts
    where decision <> 'retry' and starts_with(fingerprint, $1)
    group by fingerprint order by max(decided_at) desc limit ${MOST}`,
  worker: `select id, host || ' pid ' || pid as about from donations.workers
    where stopped_at is null and starts_with(id, $1) order by id desc limit ${MOST}`,
  audit: `select id, action || coalesce(' by ' || actor, '') as about from donations.audit_log
    where operation is null and starts_with(id, $1) order by at desc, id desc limit ${MOST}`,
  actor: `select actor as id, max(action) as about from
      (select actor, action, at from donations.audit_log order by at desc limit ${LOOKED_THROUGH}) latest
    where starts_with(actor, $1) group by actor order by max(at) desc limit ${MOST}`,
  incident: `select id, rule || ' ' || subject || case when closed_at is null then '' else ', over' end as about
    from donations.incidents where starts_with(id, $1)
    order by closed_at is not null, opened_at desc, id desc limit ${MOST}`,
  batch: `select id, name as about from donations.batches
    where starts_with(id, $1) order by id desc limit ${MOST}`,
  payment: `select c.payment_intent_id as id, n.name as about, d.amount_minor as minor, d.currency
    from (select * from donations.donations order by id desc limit ${LOOKED_THROUGH}) d
      join donations.charges c on c.donation_id = d.id join donations.donors n on n.id = d.donor_id
    where starts_with(c.payment_intent_id, $1) order by d.id desc limit ${MOST}`,
  fund: `select a.fund as id, '' as about
    from (select id from donations.donations order by id desc limit ${LOOKED_THROUGH}) d
      join donations.allocations a on a.donation_id = d.id
    where starts_with(lower(a.fund), lower($1)) group by a.fund order by count(*) desc, a.fund limit ${MOST}`,
  campaign: `select campaign as id, '' as about
    from (select campaign from donations.donations order by id desc limit ${LOOKED_THROUGH}) d
    where starts_with(lower(campaign), lower($1)) group by campaign order by count(*) desc, campaign limit ${MOST}`,
} satisfies Record<string, string>;

/** The kinds that can be found by the beginning of an id or name. */
export type RecentKind = keyof typeof LATEST;

export const isRecentKind = (kind: string): kind is RecentKind => Object.hasOwn(LATEST, kind);

/** The latest ids of a kind that begin with what was typed, the latest first. */
export async function findRecentIds(
  db: Queryable,
  kind: RecentKind,
  typed: string,
): Promise<RecentId[]> {
  const { rows } = await db.query<Row>(LATEST[kind], [typed]);
  const found = new Map<string, RecentId>();
  for (const { id, about, minor, currency } of rows) {
    const amount = minor !== undefined && currency ? `${formatMoney({ minor, currency })} ` : '';
    if (!found.has(id)) found.set(id, { id, about: `${amount}${about}` });
  }
  return [...found.values()].slice(0, MOST);
}
