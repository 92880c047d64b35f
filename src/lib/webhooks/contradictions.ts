import type { Queryable } from '../db/database.ts';

/** At most so many are named. */
const MOST = 20;

/**
 * Donations that failed here although Stripe has told of a payment of theirs that succeeded: somebody
 * else confirmed a payment, since ours are cancelled when they fail.
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
