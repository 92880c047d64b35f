import type { Queryable } from '../db/database.ts';
import { enqueue, enqueueAnd, type JobSpec } from '../queue/enqueue.ts';
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
  const ids = await enqueue(tx, [...others, ...deliveries.map(jobOf)]);
  return ids.slice(others.length);
}

const jobOf = ({ deliveryId, donationId, inMs, priority, isNew }: ToSend) => ({
  task: 'send_receipt' as const,
  payload: { donation_id: donationId, delivery_id: deliveryId },
  key: sendKey(deliveryId),
  ...(isNew ? { isNew } : {}),
  ...(inMs ? { inMs } : {}),
  ...(priority ? { priority } : {}),
});

/**
 * Adds the jobs that send deliveries, and changes the deliveries.
 * @param change SQL: the change of a delivery `d`; it may use `more` and `values` from `$2` on.
 * @param more SQL: what is joined.
 */
export const sendAnd = (
  tx: Queryable,
  deliveries: ToSend[],
  change: string,
  { more = '', values = [] }: { more?: string; values?: unknown[] } = {},
): Promise<void> =>
  enqueueAnd(
    tx,
    deliveries.map(jobOf),
    `update donations.receipt_deliveries d set job_id = job.id, ${change}
     from job ${more} where d.id = job.payload->>'delivery_id'`,
    values,
  );

/** Sends deliveries that exist by new jobs. @returns the jobs' ids, in the order of the deliveries. */
export async function sendByNewJobs(tx: Queryable, deliveries: ToSend[]): Promise<bigint[]> {
  const jobs = await enqueueDeliveries(tx, deliveries);
  await tx.query(
    `update donations.receipt_deliveries d set job_id = a.job
     from unnest($1::text[], $2::bigint[]) as a(id, job) where d.id = a.id`,
    [deliveries.map(({ deliveryId }) => deliveryId), jobs],
  );
  return jobs;
}

/** Sends a delivery that exists by a new job. @returns the job's id. */
export const sendByNewJob = async (tx: Queryable, delivery: ToSend): Promise<bigint> =>
  (await sendByNewJobs(tx, [delivery]))[0] as bigint;

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
