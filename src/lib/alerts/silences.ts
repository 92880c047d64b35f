import { type Actor, recordAudit } from '../audit/record.ts';
import type { Db, Queryable } from '../db/database.ts';
import { newId } from '../ids.ts';

export interface Silence {
  id: string;
  rule: string | null;
  task: string | null;
  actor: string;
  reason: string | null;
  createdAt: Date;
  until: Date;
}

/** A longer silence is refused as a typing error. */
export const LONGEST_SILENCE_MS = 30 * 86_400_000;

/** SQL: the columns of a silence. */
export const SILENCE = 'id, rule, task, actor, reason, created_at as "createdAt", until';

/** SQL: whether a silence is in force. */
export const IN_FORCE = '(until > now() and ended_at is null)';

/** The silences in force. */
export async function listSilences(db: Queryable): Promise<Silence[]> {
  const { rows } = await db.query<Silence>(
    `select ${SILENCE} from donations.alert_silences
     where ${IN_FORCE} order by until`,
  );
  return rows;
}

/** Stops the alerts of a rule or a task for a time. Incidents that are still open afterwards are sent then. */
export async function silence(
  db: Db,
  {
    rule,
    task,
    forMs,
    reason,
    operator,
  }: {
    rule: string | undefined;
    task: string | undefined;
    forMs: number;
    reason: string | undefined;
    operator: Actor;
  },
): Promise<Silence> {
  return db.transaction(async (tx) => {
    const id = newId('silence');
    const { rows } = await tx.query<Silence>(
      `insert into donations.alert_silences (id, rule, task, actor, reason, until)
       values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6::float8 / 1000)) returning ${SILENCE}`,
      [id, rule ?? null, task ?? null, operator.actor, reason ?? null, forMs],
    );
    const detail = { rule: rule ?? null, task: task ?? null, until: rows[0]?.until };
    await recordAudit(tx, { ...operator, action: 'alerts.silence', subject: id, reason, detail });
    return rows[0] as Silence;
  });
}

/** Ends the silences in force of a rule or a task; without either, all of them. */
export async function endSilences(
  db: Db,
  { rule, task, operator }: { rule: string | undefined; task: string | undefined; operator: Actor },
): Promise<Silence[]> {
  return db.transaction(async (tx) => {
    const { rows } = await tx.query<Silence>(
      `update donations.alert_silences set ended_at = now()
       where ${IN_FORCE}
         and ($1::text is null or rule = $1) and ($2::text is null or task = $2)
       returning ${SILENCE}`,
      [rule ?? null, task ?? null],
    );
    for (const { id } of rows)
      await recordAudit(tx, { ...operator, action: 'alerts.unsilence', subject: id });
    return rows;
  });
}

/** Whether a silence covers an incident's rule and subject. */
export const covers = (
  { rule, task }: Pick<Silence, 'rule' | 'task'>,
  incident: { rule: string; subject: string },
): boolean =>
  (rule === null || rule === incident.rule) && (task === null || task === incident.subject);
