import type { Queryable } from '../db/database.ts';
import { enqueue, type JobSpec } from '../queue/enqueue.ts';
import { sendKey } from '../queue/keys.ts';

/** A delivery and the donation that its receipt is for, or the first of them. */
export interface ToSend {
  deliveryId: string;
  donationId: string;
  /** Milliseconds from now until it is sent. */
  inMs?: number;
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
  const jobs: JobSpec[] = deliveries.map(({ deliveryId, donationId, inMs }) => ({
    task: 'send_receipt',
    payload: { donation_id: donationId, delivery_id: deliveryId },
    key: sendKey(deliveryId),
    ...(inMs ? { inMs } : {}),
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
