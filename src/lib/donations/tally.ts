import type { Queryable } from '../db/database.ts';

/** Counts of donations by result. */
export interface Tally {
  donations: number;
  charged: number;
  declined: number;
  /** Recorded, but neither charged nor refused yet. */
  unsettled: number;
  tokenized: number;
  /** Charged, and the card is neither saved nor given up. */
  tokensOpen: number;
  tokensFailed: number;
  accepted: number;
  held: number;
  receiptsFailed: number;
  /** Charged, and the receipt is not sent yet. */
  receiptsOpen: number;
}

/**
 * Counts the results of donations since a time. Each donation is in exactly one count, so that the
 * sums add up.
 */
export async function tallySince(db: Queryable, since: Date): Promise<Tally> {
  const { rows } = await db.query<Tally>(
    `with gifts as (
       select d.id, d.status, c.card_saved_at, l.status as receipt,
         exists (select 1 from donations.job_verdicts v
           where v.donation_id = d.id and v.task = 'tokenize_card' and v.decision <> 'retry') as token_failed
       from donations.donations d
       left join donations.charges c on c.donation_id = d.id
       left join donations.receipt_donations rd on rd.donation_id = d.id and rd.kind = 'donation' and rd.live
       left join donations.receipt_deliveries l on l.receipt_id = rd.receipt_id and l.kind = 'original'
       where d.created_at >= $1
     )
     select
       count(*)::int as donations,
       count(*) filter (where status = 'succeeded')::int as charged,
       count(*) filter (where status = 'failed')::int as declined,
       count(*) filter (where status in ('pending', 'processing', 'requires_action'))::int as unsettled,
       count(*) filter (where card_saved_at is not null)::int as tokenized,
       count(*) filter (where status = 'succeeded' and card_saved_at is null and not token_failed)::int as "tokensOpen",
       count(*) filter (where card_saved_at is null and token_failed)::int as "tokensFailed",
       count(*) filter (where receipt = 'accepted')::int as accepted,
       count(*) filter (where receipt = 'held')::int as held,
       count(*) filter (where receipt = 'failed')::int as "receiptsFailed",
       count(*) filter (where receipt in ('pending', 'sending'))::int as "receiptsOpen"
     from gifts`,
    [since],
  );
  return rows[0] as Tally;
}

/** True when no donation is still being processed. */
export const isComplete = (tally: Tally) =>
  tally.unsettled === 0 && tally.tokensOpen === 0 && tally.receiptsOpen === 0;

/** True when every donation is in exactly one count. */
export const addsUp = (tally: Tally) =>
  tally.donations === tally.charged + tally.declined + tally.unsettled &&
  tally.charged === tally.tokenized + tally.tokensFailed + tally.tokensOpen &&
  tally.charged === tally.accepted + tally.held + tally.receiptsFailed + tally.receiptsOpen;

export interface TaskTotals {
  task: string;
  attempts: number;
  succeeded: number;
  retried: number;
  failed: number;
  p50: number;
  p95: number;
}

/** Attempts and run times (in milliseconds) by task since a time. */
export async function totalsByTask(db: Queryable, since: Date): Promise<TaskTotals[]> {
  const { rows } = await db.query<TaskTotals>(
    `select task, count(*)::int as attempts,
       count(*) filter (where outcome in ('succeeded', 'declined'))::int as succeeded,
       count(*) filter (where outcome in ('retry', 'parked', 'abandoned'))::int as retried,
       count(*) filter (where outcome in ('failed', 'held'))::int as failed,
       percentile_disc(0.5) within group (order by duration_ms)::int as p50,
       percentile_disc(0.95) within group (order by duration_ms)::int as p95
     from donations.job_attempts where started_at >= $1 group by task order by task`,
    [since],
  );
  return rows;
}
