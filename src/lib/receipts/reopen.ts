import type { Queryable } from '../db/database.ts';

/** SQL: the delivery waits to be sent; nothing of it has gone out. */
export const WAITS = `status = 'pending', claim = null, claimed_at = null, reason = null`;

/**
 * SQL: the delivery waits to be sent although an earlier mail may have gone out. The claim of that
 * mail stays: if its answer or its evidence comes yet, nothing more is sent.
 */
export const MAY_GO_TWICE = `status = 'pending', reason = null, resends = d.resends + 1`;

/** SQL: `WAITS` for a failed delivery `d`, `MAY_GO_TWICE` for a held one. */
export const WAITS_AGAIN = `status = 'pending', reason = null,
  claim = case when d.status = 'failed' then null else d.claim end,
  claimed_at = case when d.status = 'failed' then null else d.claimed_at end,
  resends = case when d.status = 'held' then d.resends + 1 else d.resends end`;

/**
 * SQL: whether the receipt that a job `j` is to send has gone to the donor as a copy since `at`.
 * Then the original would be one too many.
 */
export const sentSince = (at: string) => `exists (
  select 1 from donations.receipt_deliveries mine
  join donations.receipt_deliveries other on other.receipt_id = mine.receipt_id and other.id <> mine.id
  where mine.job_id = j.id
    and other.status = 'accepted' and other.accepted_at > ${at})`;

/**
 * Deliveries that failed or are held wait again: their jobs have been retried by a person, who
 * overrules whatever attempt had them.
 * @param jobs their ids, as a Postgres array.
 */
export async function reopenDeliveries(tx: Queryable, jobs: string): Promise<void> {
  await tx.query(
    `update donations.receipt_deliveries d set ${WAITS_AGAIN}
     where job_id = any ($1::bigint[]) and needs_attention`,
    [jobs],
  );
}

/**
 * Held deliveries wait again, because a person has decided so. Those that have evidence stay.
 * @returns those that wait, each with its job so far.
 */
export async function reopenHeld(
  tx: Queryable,
  ids: string[],
): Promise<{ id: string; jobId: bigint | null }[]> {
  const { rows } = await tx.query<{ id: string; jobId: bigint | null }>(
    `update donations.receipt_deliveries d set ${MAY_GO_TWICE}
     where id = any ($1) and status = 'held' and evidence is null returning id, job_id as "jobId"`,
    [ids],
  );
  return rows;
}

/**
 * Deliveries that wait for jobs which a person has discarded will not be sent.
 * @param jobs their ids, as a Postgres array.
 */
export async function giveUpDeliveries(tx: Queryable, jobs: string): Promise<void> {
  await tx.query(
    `update donations.receipt_deliveries set status = 'failed', reason = $2
     where job_id = any ($1::bigint[]) and status = 'pending'`,
    [jobs, DISCARDED],
  );
}

/**
 * Deliveries that wait for jobs which are failed or held again are so too, for the same reasons: a
 * person has called off a retry.
 * @param jobs their ids, as a Postgres array.
 */
export async function giveBackDeliveries(tx: Queryable, jobs: string): Promise<void> {
  await tx.query(
    `update donations.receipt_deliveries d
     set status = case v.decision when 'hold' then 'held' else 'failed' end, reason = v.message
     from donations.job_verdicts v
     where d.job_id = any ($1::bigint[]) and d.status = 'pending'
       and v.job_id = d.job_id and v.decision <> 'retry'`,
    [jobs],
  );
}

/** The delivery is sent by another job from now on; it waits again if only the discard had ended it. */
export async function moveDelivery(tx: Queryable, from: string, to: string): Promise<void> {
  await tx.query(
    `update donations.receipt_deliveries d set job_id = $2,
       status = case when d.status = 'failed' and d.reason = $3 then 'pending' else d.status end
     where d.job_id = $1`,
    [from, to, DISCARDED],
  );
}

const DISCARDED = 'its job was discarded';
