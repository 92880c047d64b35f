import type { Queryable } from '../db/database.ts';

/** What became of a set of donations, counted. */
export interface Account {
  donations: number;
  charged: number;
  declined: number;
  /** Recorded, not charged and not refused yet. */
  unsettled: number;
  tokenized: number;
  /** Charged, and the card is neither saved nor given up. */
  tokensOpen: number;
  tokensFailed: number;
  accepted: number;
  held: number;
  receiptsFailed: number;
  /** Charged, and the receipt is still to be sent. */
  receiptsOpen: number;
}

/** Counts what became of donations since a moment. Each is in exactly one place, or the sums do not add up. */
export async function accountFor(db: Queryable, since: Date): Promise<Account> {
  const { rows } = await db.query<Account>(
    `with gifts as (
       select d.id, d.status, d.card_saved_at, l.status as receipt,
         exists (select 1 from donations.job_verdicts v
           where v.donation_id = d.id and v.task = 'tokenize_card' and v.decision <> 'retry') as token_failed
       from donations.donations d
       left join donations.receipt_deliveries l on l.donation_id = d.id and l.kind = 'original'
       where d.created_at >= $1
     )
     select
       count(*)::int as donations,
       count(*) filter (where status = 'succeeded')::int as charged,
       count(*) filter (where status = 'failed')::int as declined,
       count(*) filter (where status not in ('succeeded', 'failed'))::int as unsettled,
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
  return rows[0] as Account;
}

/** True when nothing is under way any more. */
export const isSettledAccount = (account: Account) =>
  account.unsettled === 0 && account.tokensOpen === 0 && account.receiptsOpen === 0;

/** True when every donation is in exactly one place. */
export const addsUp = (account: Account) =>
  account.donations === account.charged + account.declined + account.unsettled &&
  account.charged === account.tokenized + account.tokensFailed + account.tokensOpen &&
  account.charged ===
    account.accepted + account.held + account.receiptsFailed + account.receiptsOpen;

export interface TaskTotals {
  task: string;
  attempts: number;
  succeeded: number;
  retried: number;
  failed: number;
  p50: number;
  p95: number;
}

/** Attempts and run times (milliseconds) by task, since a moment. */
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
