import { arrayOf } from '../db/array-of.ts';
import type { Queryable } from '../db/database.ts';
import { Bindings } from '../filter/compile.ts';
import { addJobsSql, endStandingJobsOf, enqueue, type JobSpec } from '../queue/enqueue.ts';
import { sendKey } from '../queue/keys.ts';

/** A delivery and the donation that its receipt is for, or the first of them. */
export interface ToSend {
  deliveryId: string;
  donationId: string;
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

const jobOf = ({ deliveryId, donationId, priority, isNew }: ToSend) => ({
  task: 'send_receipt' as const,
  payload: { donation_id: donationId, delivery_id: deliveryId },
  key: sendKey(deliveryId),
  ...(isNew ? { isNew } : {}),
  ...(priority ? { priority } : {}),
});

/** How deliveries that exist are sent. */
export interface SendOptions {
  /** SQL: what else changes of a delivery `d`. */
  change?: string;
  /** Milliseconds from now until the first is sent, and between one and the next. */
  firstMs?: number;
  gapMs?: number;
}

/** Sends deliveries that exist by new jobs, in the caller's transaction. */
export async function sendByNewJobs(tx: Queryable, ids: string[]): Promise<void> {
  const bindings = new Bindings();
  const which = `select d.id, d.receipt_id, s.place
    from unnest(${bindings.add(arrayOf(ids))}::text[]) with ordinality as s(id, place)
    join donations.receipt_deliveries d on d.id = s.id`;
  await sendAllByNewJobs(tx, which, {}, bindings);
}

/**
 * Sends deliveries that exist by new jobs, in the caller's transaction.
 * @param which SQL: their `id`, `receipt_id`, and `place` in the order from 1.
 */
export async function sendAllByNewJobs(
  tx: Queryable,
  which: string,
  { change, firstMs = 0, gapMs = 0 }: SendOptions,
  bindings = new Bindings(),
): Promise<void> {
  await endStandingJobsOf(
    tx,
    `array(select '${sendKey('')}' || id from (${which}) s)`,
    bindings.values,
  );
  const added = addJobsSql(
    'send_receipt',
    {
      from: `(${which}) s`,
      payload: `json_build_object('donation_id', (select min(c.donation_id)
        from donations.receipt_donations c where c.receipt_id = s.receipt_id), 'delivery_id', s.id)`,
      key: `'${sendKey('')}' || s.id`,
      inMs: `floor(${bindings.add(firstMs)}::float8 + (s.place - 1) * ${bindings.add(gapMs)}::float8)`,
    },
    bindings,
  );
  await tx.query(
    `with job as materialized (${added})
     update donations.receipt_deliveries d set job_id = job.id ${change ? `, ${change}` : ''}
     from job where d.id = substr(job.key, ${sendKey('').length + 1})`,
    bindings.values,
  );
}

/** Sends a delivery that exists by a new job, in the caller's transaction. @returns the job's id. */
export async function sendByNewJob(tx: Queryable, id: string): Promise<bigint> {
  await sendByNewJobs(tx, [id]);
  const { rows } = await tx.query<{ job: bigint }>(
    'select job_id as job from donations.receipt_deliveries where id = $1',
    [id],
  );
  return rows[0]?.job as bigint;
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
