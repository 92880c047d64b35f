import type { Queryable } from '../../db/database.ts';

/** The interval between two runs, by whichever worker is first. */
const EVERY = '10 minutes';

/** True for exactly one worker when the maintenance of shared tables is due. */
export async function takeUpkeepTurn(db: Queryable): Promise<boolean> {
  const { rowCount } = await db.query(
    `insert into donations.settings as s (key, value) values ('upkeep_at', now()::text)
     on conflict (key) do update set value = excluded.value
     where s.value::timestamptz not between now() - interval '${EVERY}' and now()`,
  );
  return rowCount === 1;
}
