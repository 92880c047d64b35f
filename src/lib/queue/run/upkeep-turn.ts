import type { Queryable } from '../../db/database.ts';
import { RECURRING } from '../../recurring/tasks.ts';

/** True for exactly one worker when the maintenance of shared tables is due. */
export async function takeUpkeepTurn(db: Queryable): Promise<boolean> {
  const { rowCount } = await db.query(
    `insert into donations.settings as s (key, value) values ('upkeep_at', now()::text)
     on conflict (key) do update set value = excluded.value
     where s.value::timestamptz not between now() - make_interval(secs => $1::float8 / 1000) and now()`,
    [RECURRING.upkeep.everyMs],
  );
  return rowCount === 1;
}
