import type { Queryable } from '../db/database.ts';
import { UserError } from '../errors.ts';

/**
 * Makes the live receipts of many gifts void, in the caller's transaction, which takes the gifts back.
 * What waits to be sent of them is not sent.
 *
 * @param gifts SQL: a query of donation ids; its parameters are `values`.
 * @returns how many receipts.
 * @throws UserError `try_again` while one of them is being sent.
 */
export async function voidReceiptsOf(
  tx: Queryable,
  gifts: string,
  values: unknown[],
  reason: string,
): Promise<number> {
  const live = `select distinct receipt_id from donations.receipt_donations where live and donation_id in (${gifts})`;
  const why = `$${values.length + 1}::text`;
  const sending = await tx.query(
    `select 1 from donations.receipt_deliveries where status = 'sending' and receipt_id in (${live}) limit 1`,
    values,
  );
  if (sending.rows.length > 0)
    throw new UserError(
      'try_again',
      'one of its receipts is being sent at this moment',
      'Nothing was changed. Try again in a minute.',
    );
  await tx.query(
    `select graphile_worker.complete_jobs(array_agg(j.id)) from graphile_worker.jobs j
     where j.locked_at is null and j.key in (
       select 'send:' || v.id from donations.receipt_deliveries v
       where v.status = 'pending' and v.receipt_id in (${live}))
     having count(*) > 0`,
    values,
  );
  await tx.query(
    `update donations.receipt_deliveries set status = 'failed', reason = ${why}
     where status = 'pending' and receipt_id in (${live})`,
    [...values, reason],
  );
  const { rowCount } = await tx.query(
    `update donations.receipts set status = 'void', void_reason = ${why} where id in (${live})`,
    [...values, reason],
  );
  return rowCount ?? 0;
}
