import type { Queryable } from '../db/database.ts';

/**
 * Notes the donor's Customer at Stripe; the first that is noted stays.
 * @returns the one that holds.
 */
export async function keepCustomer(
  db: Queryable,
  donorId: string,
  customerId: string,
): Promise<string> {
  const { rows } = await db.query<{ id: string }>(
    `update donations.donors set stripe_customer_id = coalesce(stripe_customer_id, $2)
     where id = $1 returning stripe_customer_id as id`,
    [donorId, customerId],
  );
  return rows[0]?.id ?? customerId;
}
