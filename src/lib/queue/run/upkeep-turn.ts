import type { Queryable } from '../../db/database.ts';

/** How often it is done, by whichever worker comes first. */
const EVERY = '10 minutes';

/** True for one of all workers, when the upkeep of what they share was done long enough ago. */
export async function takeUpkeepTurn(db: Queryable): Promise<boolean> {
  const { rowCount } = await db.query(
    `insert into donations.settings as s (key, value) values ('upkeep_at', now()::text)
     on conflict (key) do update set value = excluded.value
     where s.value::timestamptz not between now() - interval '${EVERY}' and now()`,
  );
  return rowCount === 1;
}
