import type { Queryable } from '../../db/database.ts';
import type { LocalStore } from '../../local/sqlite.ts';
import { setVerdicts } from '../stage/rows.ts';
import { findAlike, findPeople } from './donors.ts';

export interface MatchOptions {
  batch: string;
  nearDays: number;
  likeness: number;
}

/**
 * Compares the staged gifts with the database: certain duplicates, and gifts that need a look.
 * Nothing is dropped: `verdicts` holds the reasons.
 */
export async function matchStaged(tx: Queryable, options: MatchOptions): Promise<void> {
  await tx.query(
    `create temp table verdicts (line integer not null, part smallint not null, is_duplicate boolean not null, reason text not null)`,
  );
  await findDuplicates(tx);
  await findPeople(tx);
  await findSuspects(tx, options);
  await tx.query('create index on verdicts (line, part)');
  await tx.query('analyze verdicts');
}

/** The same id from the same source, the same gift in an earlier import, or a charge of our own. */
async function findDuplicates(tx: Queryable): Promise<void> {
  await tx.query(
    `insert into verdicts
     select s.line, s.part, true, 'imported before: ' || r.donation_id || ' of ' || r.batch_id
     from staged s join donations.import_rows r on r.fingerprint = s.fingerprint and r.occurrence = s.occurrence
     where s.source_id is null`,
  );
  await tx.query(
    `insert into verdicts
     select s.line, s.part, d.amount_minor = s.amount_minor and d.currency = s.currency and d.gift_on = s.gift_on,
       case when d.amount_minor = s.amount_minor and d.currency = s.currency and d.gift_on = s.gift_on
         then 'its id ' || s.source_id || ' is here already: ' || d.id
         else 'its id ' || s.source_id || ' is that of ' || d.id || ', with another '
           || case when d.gift_on = s.gift_on then 'amount' else 'date' end end
     from staged s join donations.donations d on d.source = s.source and d.source_id = s.source_id
     where s.source_id is not null`,
  );
  await tx.query(
    `insert into verdicts
     select s.line, s.part, true, 'charged here: ' || c.donation_id
     from staged s join donations.charges c on c.payment_intent_id = s.source_id
     where s.source_id like 'pi\\_%'`,
  );
}

/** A donor who fits several, one whose name is nearly known, and gifts that are nearly here already. */
async function findSuspects(tx: Queryable, { nearDays, likeness }: MatchOptions): Promise<void> {
  await tx.query(
    `insert into verdicts select s.line, s.part, false, p.problem
     from staged s join people p on p.person = s.person where p.problem is not null`,
  );
  const alike = likeness > 1 ? [] : await findAlike(tx, likeness);
  if (alike.length > 0) {
    await tx.query(
      `insert into verdicts
       select s.line, s.part, false, 'its donor ' || s.donor_name || ' may be ' || a.reason
       from json_to_recordset($1::json) as a(line integer, part smallint, reason text)
       join people p on p.line = a.line and p.part = a.part
       join staged s on s.person = p.person`,
      [
        JSON.stringify(
          alike.map(({ line, part, donorId, donorName, by }) => ({
            line,
            part,
            reason: `${donorName} (${donorId}, same ${by})`,
          })),
        ),
      ],
    );
  }
  await tx.query(
    `insert into verdicts
     select distinct on (s.line, s.part) s.line, s.part, false,
       'like ' || d.id || ' of ' || d.gift_on || ': the same donor and amount, '
         || case when s.check_number = d.check_number then 'and check number' else 'about the same day' end
     from staged s
     join people p on p.person = s.person
     join donations.donations d on d.donor_id = p.donor_id and d.amount_minor = s.amount_minor and d.currency = s.currency
     where d.status in ('succeeded', 'partly_refunded', 'disputed', 'pending', 'processing', 'requires_action')
       and (s.check_number = d.check_number
         or (d.gift_on between s.gift_on - $1::int and s.gift_on + $1::int
           and (s.check_number is null or d.check_number is null)))
       and (s.source_id is null or d.source_id is null or d.source <> s.source)
       and not exists (select from verdicts v where v.line = s.line and v.part = s.part)
     order by s.line, s.part, d.id`,
    [nearDays],
  );
}

const PAGE = 5000;

/** Writes the findings to the staged rows, and keeps only new gifts in `staged`. @returns how many gifts are not new. */
export async function applyVerdicts(
  tx: Queryable,
  store: LocalStore,
  batch: string,
): Promise<number> {
  let after = 0;
  for (;;) {
    const { rows } = await tx.query<{ line: number; duplicate: boolean; reasons: string[] }>(
      `select v.line, bool_and(v.is_duplicate) and count(distinct v.part) = (
           select count(*) from staged s where s.line = v.line) as duplicate,
         array_agg(distinct v.reason) as reasons
       from verdicts v where v.line > $1 group by v.line
       having not bool_and(v.is_duplicate)
         or count(distinct v.part) = (select count(*) from staged s where s.line = v.line)
       order by v.line limit ${PAGE}`,
      [after],
    );
    if (rows.length > 0)
      setVerdicts(
        store,
        batch,
        rows.map(({ line, duplicate, reasons }) => ({
          line,
          verdict: duplicate ? ('duplicate' as const) : ('suspect' as const),
          reasons,
        })),
      );
    if (rows.length < PAGE) break;
    after = rows.at(-1)?.line ?? after;
  }
  // A gift whose match is new stays; its own line counts as new, and the gift itself is skipped.
  const { rowCount } = await tx.query(
    `delete from staged s using verdicts v
     where v.line = s.line and (v.part = s.part or not v.is_duplicate)`,
  );
  return rowCount ?? 0;
}
