import type { Queryable } from '../db/database.ts';
import { enqueue, type JobSpec } from '../queue/enqueue.ts';
import { sendKey } from '../queue/keys.ts';

/** A delivery and the donation that its receipt is for, or the first of them. */
export interface ToSend {
  deliveryId: string;
  donationId: string;
  /** Milliseconds from now until it is sent. */
  inMs?: number;
  /** Jobs of a lower number go first; 0 if not given. */
  priority?: number | undefined;
  /** The delivery was made just now: no job of an earlier attempt is left. */
  isNew?: boolean;
}

/**
 * Adds the jobs that send deliveries, in the caller's transaction.
 * @param others jobs that are added in the same statement, before these.
 * @returns the jobs' ids, in the order of the deliveries.
 */
export async function enqueueDeliveries(
  tx: Queryable,
  deliveries: ToSend[],
  others: JobSpec[] = [],
): Promise<bigint[]> {
  const jobs: JobSpec[] = deliveries.map(({ deliveryId, donationId, inMs, priority, isNew }) => ({
    task: 'send_receipt',
    payload: { donation_id: donationId, delivery_id: deliveryId },
    key: sendKey(deliveryId),
    ...(isNew ? { isNew } : {}),
    ...(inMs ? { inMs } : {}),
    ...(priority ? { priority } : {}),
  }));
  const ids = await enqueue(tx, [...others, ...jobs]);
  return ids.slice(others.length);
}

/** Sends a delivery that is there by a new job. @returns the job's id. */
export async function sendByNewJob(tx: Queryable, delivery: ToSend): Promise<bigint> {
  const [jobId] = await enqueueDeliveries(tx, [delivery]);
  await tx.query('update donations.receipt_deliveries set job_id = $2 where id = $1', [
    delivery.deliveryId,
    jobId,
  ]);
  return jobId as bigint;
}

/** Deliveries to these donors that wait go to another address. @returns how many. */
export async function readdressWaiting(
  tx: Queryable,
  { donors, from, to }: { donors: string[]; from: string; to: string },
): Promise<number> {
  const { rowCount } = await tx.query(
    `update donations.receipt_deliveries d set recipient = $3
     from donations.receipts r
     where r.id = d.receipt_id and r.donor_id = any ($1) and d.status = 'pending'
       and lower(d.recipient) = lower($2)`,
    [donors, from, to],
  );
  return rowCount ?? 0;
}
