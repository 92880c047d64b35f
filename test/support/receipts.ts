import type { Db } from '../../src/lib/db/database.ts';
import { loadGiftFacts } from '../../src/lib/receipts/facts.ts';
import { loadReceipt } from '../../src/lib/receipts/find-receipt.ts';
import { type IssuedReceipt, issueReceipts } from '../../src/lib/receipts/issue.ts';
import { addDonation } from './records.ts';

export type DeliveryState = 'pending' | 'accepted' | 'held' | 'failed';

/** Issues a receipt whose original is in this state, with its job as it would be then. */
export async function addReceipt(
  db: Db,
  status: DeliveryState,
  donation?: Parameters<typeof addDonation>[1],
) {
  const donationId = await addDonation(db, donation);
  const receipt = await db.transaction(async (tx) => {
    const gift = await loadGiftFacts(tx, donationId, { lock: true });
    return (await issueReceipts(tx, [{ gift, mailed: true }]))[0] as IssuedReceipt;
  });
  if (status !== 'pending') {
    await db.query(
      `update donations.receipt_deliveries set status = 'sending', claim = gen_random_uuid() where id = $1`,
      [receipt.deliveryId],
    );
    await db.query(
      `update donations.receipt_deliveries set status = $2,
         reason = case when $2 <> 'accepted' then 'it broke' end,
         accepted_at = case when $2 = 'accepted' then now() end where id = $1`,
      [receipt.deliveryId, status],
    );
    if (status === 'accepted')
      await db.query('select graphile_worker.complete_jobs(array[$1::bigint])', [receipt.jobId]);
    else
      await db.query(
        `select graphile_worker.permanently_fail_jobs(array[$1::bigint], 'it broke')`,
        [receipt.jobId],
      );
  }
  return {
    ...receipt,
    deliveryId: receipt.deliveryId as string,
    load: () => loadReceipt(db, receipt.receiptId),
  };
}
