import { type Actor, recordAudit } from '../audit/record.ts';
import type { Db, Queryable } from '../db/database.ts';
import { findByPrefix } from '../db/match.ts';
import { usageError } from '../errors.ts';
import type { RuleKind } from '../health/rule-kinds.ts';
import { newId } from '../ids.ts';

export interface Incident {
  id: string;
  rule: string;
  kind: RuleKind;
  subject: string;
  level: 'warning' | 'critical';
  worst: 'warning' | 'critical';
  value: number | null;
  more: boolean;
  peak: number | null;
  cause: string | null;
  jobs: number | null;
  donors: number | null;
  amounts: { currency: string; minor: string }[];
  openedAt: Date;
  closedAt: Date | null;
  lastedMs: number;
  acknowledgedBy: string | null;
  acknowledgedUntil: Date | null;
  /** Acknowledged, and that has not run out. */
  acknowledged: boolean;
  silenced: boolean;
}

/** SQL: whether a silence in force covers incident `i`. */
export const SILENCED = `exists (select 1 from donations.alert_silences s
  where s.until > now() and s.ended_at is null and i.closed_at is null
    and (s.rule is null or s.rule = i.rule) and (s.task is null or s.task = i.subject))`;

/** SQL: whether incident `i` is acknowledged, and the acknowledgement has not expired. */
export const ACKNOWLEDGED = `(i.acknowledged_at is not null and i.closed_at is null
  and coalesce(i.acknowledged_until > now(), true))`;

const COLUMNS = `i.id, i.rule, i.kind, i.subject, i.level, i.worst, i.value, i.more, i.peak, i.cause,
  i.jobs, i.donors, i.amounts, i.opened_at as "openedAt", i.closed_at as "closedAt",
  extract(epoch from coalesce(i.closed_at, now()) - i.opened_at)::float8 * 1000 as "lastedMs",
  i.acknowledged_by as "acknowledgedBy", i.acknowledged_until as "acknowledgedUntil",
  ${ACKNOWLEDGED} as acknowledged,
  ${SILENCED} as silenced`;

/** The open incidents, the worst first; with `sinceMs` also those that ended lately, the latest first. */
export async function listIncidents(
  db: Queryable,
  { sinceMs, limit }: { sinceMs?: number | undefined; limit: number },
): Promise<Incident[]> {
  const { rows } = await db.query<Incident>(
    `select ${COLUMNS} from donations.incidents i
     where i.closed_at is null
       or ($1::float8 is not null and i.closed_at > now() - make_interval(secs => $1::float8 / 1000))
     order by i.closed_at is not null, case when i.closed_at is null then i.level end, i.opened_at desc
     limit $2`,
    [sinceMs ?? null, limit],
  );
  return rows;
}

/** The incidents that were open at some time from one moment up to another, the first first. */
export async function incidentsBetween(
  db: Queryable,
  { from, to, limit }: { from: Date; to: Date; limit: number },
): Promise<Incident[]> {
  const { rows } = await db.query<Incident>(
    `select ${COLUMNS} from donations.incidents i
     where i.opened_at < $2 and coalesce(i.closed_at >= $1, true) order by i.opened_at, i.id limit $3`,
    [from, to, limit],
  );
  return rows;
}

/** An incident as it was at a moment. */
export interface OpenIncident
  extends Pick<Incident, 'id' | 'rule' | 'kind' | 'subject' | 'level' | 'cause' | 'openedAt'> {}

/** The incidents that were open at a moment, with the level that they had then; the worst first. */
export async function incidentsAt(db: Queryable, at: Date): Promise<OpenIncident[]> {
  const { rows } = await db.query<OpenIncident>(
    `select i.id, i.rule, i.kind, i.subject, i.cause, i.opened_at as "openedAt",
       coalesce((select e.level from donations.incident_events e
         where e.incident_id = i.id and e.level is not null and e.at <= $1
         order by e.id desc limit 1), i.level) as level
     from donations.incidents i
     where i.opened_at <= $1 and coalesce(i.closed_at > $1, true) order by level, i.opened_at`,
    [at],
  );
  return rows;
}

/** What became of incidents before a moment, the latest first. */
export async function lastIncidentEvents(
  db: Queryable,
  { to, limit }: { to: Date; limit: number },
): Promise<{ at: Date; kind: string; rule: string; subject: string; level: string | null }[]> {
  const { rows } = await db.query<{
    at: Date;
    kind: string;
    rule: string;
    subject: string;
    level: string | null;
  }>(
    `select e.at, e.kind, i.rule, i.subject, e.level
     from donations.incident_events e join donations.incidents i on i.id = e.incident_id
     where e.at < $1 order by e.at desc, e.id desc limit $2`,
    [to, limit],
  );
  return rows;
}

/** The incidents of these ids. */
export async function readIncidents(db: Queryable, ids: string[]): Promise<Incident[]> {
  const { rows } = await db.query<Incident>(
    `select ${COLUMNS} from donations.incidents i where i.id = any ($1) order by i.opened_at, i.id`,
    [ids],
  );
  return rows;
}

export interface IncidentStory {
  incident: Incident;
  events: {
    at: Date;
    kind: string;
    level: string | null;
    actor: string | null;
    note: string | null;
  }[];
  alerts: {
    route: string;
    event: string;
    level: string;
    status: string;
    attempts: number;
    dueAt: Date;
    sentAt: Date | null;
    error: string | null;
  }[];
}

/** An incident, its history, and the routes that received it. */
export async function showIncident(db: Queryable, idOrPrefix: string): Promise<IncidentStory> {
  const id = await findIncident(db, idOrPrefix);
  const [incident] = await readIncidents(db, [id]);
  const { rows: events } = await db.query<IncidentStory['events'][number]>(
    `select at, kind, level, actor, note from donations.incident_events
     where incident_id = $1 order by id`,
    [id],
  );
  const { rows: alerts } = await db.query<IncidentStory['alerts'][number]>(
    `select route, event, level, status, attempts, due_at as "dueAt", sent_at as "sentAt",
       last_error as error
     from donations.alert_deliveries where incident_id = $1 order by created_at, id`,
    [id],
  );
  return { incident: incident as Incident, events, alerts };
}

/**
 * Records that a person takes an incident on. No reminders are sent of it; an alert comes when it gets
 * worse.
 *
 * @param forMs how long; undefined for as long as the incident is open.
 */
export async function acknowledge(
  db: Db,
  {
    id: idOrPrefix,
    forMs,
    reason,
    operator,
  }: { id: string; forMs: number | undefined; reason: string | undefined; operator: Actor },
): Promise<Incident> {
  return db.transaction(async (tx) => {
    const id = await findIncident(tx, idOrPrefix);
    const { rowCount } = await tx.query(
      `update donations.incidents set acknowledged_by = $2, acknowledged_at = now(),
         acknowledged_until = now() + make_interval(secs => $3::float8 / 1000)
       where id = $1 and closed_at is null`,
      [id, operator.actor, forMs ?? null],
    );
    if (rowCount === 0)
      throw usageError(`incident ${id} is over`, `See it: donations alerts show ${id}`);
    await tx.query(
      `insert into donations.incident_events (incident_id, at, kind, actor, note)
       values ($1, now(), 'acknowledged', $2, $3)`,
      [id, operator.actor, reason ?? null],
    );
    await recordAudit(tx, { ...operator, action: 'alerts.ack', subject: id, reason });
    return (await readIncidents(tx, [id]))[0] as Incident;
  });
}

/** @throws UserError `not_found`, or `usage` when the beginning fits several. */
const findIncident = (db: Queryable, ref: string): Promise<string> =>
  findByPrefix(db, { table: 'donations.incidents', column: 'id' }, ref, {
    prefix: 'inc_',
    one: 'incident',
    many: 'incidents',
    hint: 'See them: donations alerts list --since 7d',
  });

export interface Silence {
  id: string;
  rule: string | null;
  task: string | null;
  actor: string;
  reason: string | null;
  createdAt: Date;
  until: Date;
}

const SILENCE = 'id, rule, task, actor, reason, created_at as "createdAt", until';

/** The silences in force. */
export async function listSilences(db: Queryable): Promise<Silence[]> {
  const { rows } = await db.query<Silence>(
    `select ${SILENCE} from donations.alert_silences
     where until > now() and ended_at is null order by until`,
  );
  return rows;
}

/** Sends no alerts of a rule or of a task for a time. Incidents that are open afterwards are sent then. */
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
       where until > now() and ended_at is null
         and ($1::text is null or rule = $1) and ($2::text is null or task = $2)
       returning ${SILENCE}`,
      [rule ?? null, task ?? null],
    );
    for (const { id } of rows)
      await recordAudit(tx, { ...operator, action: 'alerts.unsilence', subject: id });
    return rows;
  });
}
