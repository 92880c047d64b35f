import type { Queryable } from './db/database.ts';
import { formatMoney } from './money.ts';

export type RecentKind = 'donation' | 'receipt' | 'job' | 'audit';

/** An id, and what it is, for people. */
export interface RecentId {
  id: string;
  about: string;
}

const MOST = 20;

interface Row extends RecentId {
  minor?: bigint;
  currency?: string;
}

// $1 is what was typed of the id. Ids ascend with time.
const LATEST: Record<RecentKind, string> = {
  donation: `select d.id, n.name as about, d.amount_minor as minor, d.currency
    from donations.donations d join donations.donors n on n.id = d.donor_id
    where starts_with(d.id, $1) order by d.id desc limit ${MOST}`,
  // A receipt by its number, or by its id if that is what is typed.
  receipt: `select case when starts_with('rcp_', left($1, 4)) and $1 <> '' then id else label end as id,
      content->'donor'->>'name' as about, amount_minor as minor, currency
    from donations.receipts where starts_with(label, $1) or starts_with(id, $1)
    order by created_at desc, id desc limit ${MOST}`,
  // First the jobs that failed or are held, then those that ran last.
  job: `select * from (select job_id::text as id, task || ' ' || case decision when 'fail' then 'failed' else 'held' end as about
      from donations.job_verdicts where decision <> 'retry' and starts_with(job_id::text, $1)
      order by decided_at desc limit ${MOST}) ended
    union all
    select * from (select job_id::text, task || ' ' || outcome from donations.job_attempts
      where starts_with(job_id::text, $1) order by started_at desc limit ${MOST}) ran`,
  audit: `select id, action || coalesce(' by ' || actor, '') as about from donations.audit_log
    where operation is null and starts_with(id, $1) order by at desc, id desc limit ${MOST}`,
};

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
