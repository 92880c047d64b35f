import type { Queryable } from '../db/database.ts';
import { RECURRING } from '../recurring/tasks.ts';
import type { Judgement, Latch, RuleState } from './rules.ts';

/** When the rules were last evaluated, and the states that were kept. */
export async function readStates(
  db: Queryable,
): Promise<{ states: RuleState[]; judgedAt: Date | undefined }> {
  const { rows: turns } = await db.query<{ judged_at: Date }>(
    `select judged_at from donations.health_turn where judged_at > '-infinity'`,
  );
  const { rows: states } = await db.query<{
    rule: string;
    subject: string;
    warning: Latch | null;
    critical: Latch | null;
  }>('select rule, subject, warning, critical from donations.health_states');
  return { states, judgedAt: turns[0]?.judged_at };
}

/** True for one of all workers, when the rules were evaluated long enough ago. */
export async function takeHealthTurn(db: Queryable): Promise<boolean> {
  const { rowCount } = await db.query(
    `insert into donations.health_turn as t (taken_at) values (now())
     on conflict (only_one) do update set taken_at = excluded.taken_at
     where t.taken_at not between now() - make_interval(secs => $1::float8 / 1000) and now()`,
    [RECURRING.health.everyMs],
  );
  return rowCount === 1;
}

/**
 * Locks what is remembered for the rest of the transaction, so that one evaluation is written at a
 * time.
 *
 * @returns false when a later look has been judged already.
 */
export async function beginJudgement(tx: Queryable, at: Date): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into donations.health_turn as t (judged_at) values ($1)
     on conflict (only_one) do update set judged_at = excluded.judged_at
     where t.judged_at < excluded.judged_at or t.judged_at > clock_timestamp()`,
    [at],
  );
  return rowCount === 1;
}

/** Remembers judgements for the next evaluation; what has been at rest is forgotten. */
export async function keepStates(tx: Queryable, judgements: Judgement[]): Promise<void> {
  const isAtRest = ({ warning, critical }: Judgement) =>
    [warning, critical].every((latch) => !latch || (!latch.on && latch.turning === null));
  await tx.query('delete from donations.health_states');
  await tx.query(
    `insert into donations.health_states (rule, subject, warning, critical)
     select rule, subject, warning, critical from json_to_recordset($1::json)
       as s(rule text, subject text, warning jsonb, critical jsonb)`,
    [JSON.stringify(judgements.filter((judgement) => !isAtRest(judgement)))],
  );
}
