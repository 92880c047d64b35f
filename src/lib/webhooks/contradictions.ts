import type { Queryable } from '../db/database.ts';

/** The most donations that are listed. */
const MOST = 20;

/**
 * Donations that failed here although Stripe reported a successful payment for them. Another
 * program must have confirmed a payment, because ours are cancelled when a donation fails.
 */
export async function findContradictions(db: Queryable): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select distinct d.id from donations.webhook_events e
     join donations.donations d on d.id = e.subject and d.status = 'failed'
     where e.provider = 'stripe' and e.type = 'payment_intent.succeeded'
     order by d.id limit ${MOST}`,
  );
  return rows.map(({ id }) => id);
}
