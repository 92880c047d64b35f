import type { Queryable } from '../../db/database.ts';

/** From one moment up to another. */
export interface Period {
  from: Date;
  to: Date;
}

/** A sum of gifts by currency. */
export interface Sum {
  currency: string;
  minor: string;
}

/** Attempts of a period that went wrong for the same cause. */
export interface TroubleGroup {
  fingerprint: string;
  tasks: string[];
  attempts: number;
  jobs: number;
  donors: number;
  /** Jobs that are failed or held now, for whatever cause. */
  open: number;
  first: Date;
  last: Date;
  message: string;
}

/** Whose gifts are concerned. */
export interface Concerned {
  jobs: number;
  donors: number;
  amounts: Sum[];
}

/** A gift of which a job went wrong in the period and is failed or held now. */
export interface OpenGift {
  donation: string;
  donor: string;
  minor: string;
  currency: string;
  task: string;
  state: 'failed' | 'held';
  message: string;
  at: Date;
}

export interface Trouble {
  groups: TroubleGroup[];
  /** Whose jobs went wrong, and whose waited for at least so long. */
  wrong: Concerned;
  late: Concerned;
  open: OpenGift[];
  openCount: number;
  /** Whether only the latest attempts of the period were read. */
  more: boolean;
}

/** Only so many of the latest attempts of a period are read. */
const BOUND = 100_000;
const MOST_GROUPS = 20;
const MOST_OPEN = 50;

const WRONG = `
  select fingerprint, task, job_id, donation_id, started_at, error_message from donations.job_attempts
  where outcome <> 'succeeded' and outcome in ('retry', 'failed', 'held', 'abandoned')
    and started_at >= $1 and started_at < $2 order by started_at desc limit ${BOUND}`;
const LATE = `
  select job_id, donation_id from (
    select job_id, donation_id, latency_ms from donations.job_attempts
    where started_at >= $1 and started_at < $2 order by started_at desc limit ${BOUND}) latest
  where latency_ms >= $3`;
const STANDING = `donations.job_verdicts v on v.job_id = t.job_id and v.decision <> 'retry'`;

const CONCERNED = (attempts: string) => `
  with t as materialized (${attempts}), given as (
    select id, donor_id, currency, amount_minor from donations.donations
    where id in (select donation_id from t))
  select (select count(distinct job_id)::int from t) as jobs,
    (select count(distinct donor_id)::int from given) as donors,
    (select coalesce(json_agg(sums order by currency), '[]') from (
       select currency, sum(amount_minor)::text as minor from given group by currency) sums) as amounts`;

/**
 * Reads what went wrong in a period, from the ledger of attempts: by cause, by donor, and what of it is
 * open now.
 *
 * @param lateMs the wait in milliseconds from which a job counts as late.
 */
export async function readTrouble(
  tx: Queryable,
  { from, to }: Period,
  lateMs: number,
): Promise<Trouble> {
  const read = async <T extends object>(sql: string, ...more: unknown[]) =>
    (await tx.query<T>(sql, [from, to, ...more])).rows;
  const groups = await read<TroubleGroup>(
    `with t as materialized (${WRONG})
     select coalesce(t.fingerprint, '') as fingerprint, array_agg(distinct t.task) as tasks,
       count(*)::int as attempts, count(distinct t.job_id)::int as jobs,
       count(distinct d.donor_id)::int as donors, count(distinct v.job_id)::int as open,
       min(t.started_at) as first, max(t.started_at) as last,
       left(coalesce((array_agg(t.error_message order by t.started_at desc))[1], ''), 300) as message
     from t left join donations.donations d on d.id = t.donation_id left join ${STANDING}
     group by 1 order by attempts desc, last desc limit ${MOST_GROUPS}`,
  );
  const open = await read<OpenGift & { total: number }>(
    `with t as materialized (select distinct job_id from (${WRONG}) wrong)
     select d.id as donation, donor.name as donor, d.amount_minor::text as minor, d.currency, v.task,
       case v.decision when 'fail' then 'failed' else 'held' end as state,
       left(v.message, 300) as message, v.decided_at as at, count(*) over ()::int as total
     from t join ${STANDING} join donations.donations d on d.id = v.donation_id
     join donations.donors donor on donor.id = d.donor_id
     order by v.decided_at, d.id limit ${MOST_OPEN}`,
  );
  const [wrong] = await read<Concerned>(CONCERNED(WRONG));
  const [late] = await read<Concerned>(CONCERNED(LATE), lateMs);
  const [counted] = await read<{ count: number }>(
    `select count(*)::int as count from (
       select 1 from donations.job_attempts where started_at >= $1 and started_at < $2 limit ${BOUND}) a`,
  );
  const none = { jobs: 0, donors: 0, amounts: [] };
  return {
    groups,
    wrong: wrong ?? none,
    late: late ?? none,
    open: open.map(({ total: _, ...gift }) => gift),
    openCount: open[0]?.total ?? 0,
    more: (counted?.count ?? 0) >= BOUND,
  };
}
