import type { Queryable } from '../db/database.ts';

/**
 * Stores the donor's Stripe Customer; the first one stored is never replaced.
 * @returns the stored one.
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
