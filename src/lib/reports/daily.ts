import type { Queryable } from '../db/database.ts';
import { usageError } from '../errors.ts';

/** A sum by currency. */
interface Sum {
  currency: string;
  minor: string;
}

/** What happened on one day of the organisation, and what is open now. */
export interface DailyReport {
  /** YYYY-MM-DD, by the organisation's clock. */
  day: string;
  gifts: number;
  amounts: Sum[];
  declined: number;
  receiptsSent: number;
  /** Failed on that day and still failed. */
  failed: number;
  incidents: number;
  criticalIncidents: number;
  /** Of now, whenever they came. */
  now: { unsettled: number; held: number; failed: number };
}

/**
 * The day as people who do not run the machines want to know it.
 *
 * @param day YYYY-MM-DD; yesterday, by the organisation's clock, if not given.
 * @throws UserError `usage` when it is no day.
 */
export async function dailyReport(
  tx: Queryable,
  { day: asked, timeZone }: { day: string | undefined; timeZone: string },
): Promise<DailyReport> {
  if (asked !== undefined && !isDay(asked))
    throw usageError(`"${asked}" is not a day`, 'Write it like 2026-11-24.');
  const { rows: days } = await tx.query<{ day: string; begun: Date; ended: Date }>(
    `select day::text as day, day::timestamp at time zone $2 as begun,
       (day + 1)::timestamp at time zone $2 as ended
     from (select coalesce($1::date, (now() at time zone $2)::date - 1) as day) chosen`,
    [asked ?? null, timeZone],
  );
  const { day, begun, ended } = days[0] as { day: string; begun: Date; ended: Date };
  const { rows } = await tx.query<
    Omit<DailyReport, 'day' | 'now' | 'amounts'> &
      DailyReport['now'] & {
        amounts: Sum[] | null;
        failedNow: number;
      }
  >(
    `with given as (
       select status, currency, amount_minor from donations.donations
       where created_at >= $1 and created_at < $2
     ), paid as (
       select * from given where status in ('succeeded', 'partly_refunded', 'refunded', 'disputed')
     )
     select (select count(*)::int from paid) as gifts,
       (select json_agg(sums order by currency) from (
          select currency, sum(amount_minor)::text as minor from paid group by currency) sums) as amounts,
       (select count(*)::int from given where status = 'failed') as declined,
       (select count(*)::int from donations.receipt_deliveries
        where created_at < $2 and accepted_at >= $1 and accepted_at < $2) as "receiptsSent",
       (select count(*)::int from donations.job_verdicts
        where decision <> 'retry' and decision = 'fail' and decided_at >= $1 and decided_at < $2) as failed,
       (select count(*)::int from donations.incidents
        where opened_at < $2 and coalesce(closed_at >= $1, true)) as incidents,
       (select count(*)::int from donations.incidents
        where opened_at < $2 and coalesce(closed_at >= $1, true) and worst = 'critical') as "criticalIncidents",
       (select count(*)::int from donations.donations
        where status in ('pending', 'processing', 'requires_action')) as unsettled,
       (select count(*)::int from donations.job_verdicts
        where decision <> 'retry' and decision = 'hold') as held,
       (select count(*)::int from donations.job_verdicts
        where decision <> 'retry' and decision = 'fail') as "failedNow"`,
    [begun, ended],
  );
  const [found] = rows;
  if (!found) throw new Error('a query without conditions gave no row');
  const { amounts, unsettled, held, failedNow, ...rest } = found;
  return { day, ...rest, amounts: amounts ?? [], now: { unsettled, held, failed: failedNow } };
}

function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}
