import { type Actor, recordAudit } from '../audit/record.ts';
import type { Db, Queryable } from '../db/database.ts';
import { findByPrefix } from '../db/match.ts';
import { type BoundedCount, countRows, fromCursor, type Paging, toCursor } from '../db/page.ts';
import { usageError } from '../errors.ts';
import { Bindings } from '../filter/compile.ts';
import type { RuleKind } from '../health/rule-kinds.ts';
import {
  ACKNOWLEDGED,
  conditionsOn,
  type IncidentFilter,
  NO_FILTER,
  SILENCED,
} from './vocabulary.ts';

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
  /** When an alert of it was sent last. */
  alertedAt: Date | null;
}

/** SQL: the columns of incident `i`. */
export const INCIDENT = `i.id, i.rule, i.kind, i.subject, i.level, i.worst, i.value, i.more, i.peak, i.cause,
  i.jobs, i.donors, i.amounts, i.opened_at as "openedAt", i.closed_at as "closedAt",
  extract(epoch from coalesce(i.closed_at, now()) - i.opened_at)::float8 * 1000 as "lastedMs",
  i.acknowledged_by as "acknowledgedBy", i.acknowledged_until as "acknowledgedUntil",
  ${ACKNOWLEDGED} as acknowledged,
  ${SILENCED} as silenced,
  (select max(d.sent_at) from donations.alert_deliveries d where d.incident_id = i.id) as "alertedAt"`;

/** SQL: the place of an incident in their list: open ones first, of these the worst, then the newest. */
const place = (i: string) => `${i}.closed_at is not null,
  case when ${i}.closed_at is null then ${i}.level else '' end, -extract(epoch from ${i}.opened_at), ${i}.id`;
const ORDER = 'incidents';

/** Which incidents are listed. */
export interface IncidentChoice {
  filter?: IncidentFilter | undefined;
  /** Also those that closed within this time, in milliseconds. */
  sinceMs?: number | undefined;
}

/** The cursor of the page that follows an incident. */
export const afterIncident = ({ id }: Pick<Incident, 'id'>): string => toCursor(ORDER, [id]);

/**
 * One page of the open incidents that a filter lets through, the worst first; with `sinceMs` also those
 * that closed lately, the latest first.
 * @throws UserError `usage` when the cursor is of another list.
 */
export async function listIncidents(
  db: Queryable,
  { limit, after, ...choice }: IncidentChoice & Paging,
): Promise<Incident[]> {
  const bindings = new Bindings();
  const where = [chosenBy(choice, bindings)];
  if (after !== undefined) {
    const [id] = fromCursor(after, ORDER);
    where.push(
      `(${place('i')}) > (select ${place('l')} from donations.incidents l where l.id = ${bindings.add(id)})`,
    );
  }
  const { rows } = await db.query<Incident>(
    `select ${INCIDENT} from donations.incidents i
     where ${where.join(' and ')} order by ${place('i')} limit ${bindings.add(limit)}`,
    bindings.values,
  );
  return rows;
}

/** How many incidents are chosen. */
export function countIncidents(db: Queryable, choice: IncidentChoice): Promise<BoundedCount> {
  const bindings = new Bindings();
  const select = `select 1 from donations.incidents i where ${chosenBy(choice, bindings)}`;
  return countRows(db, [select], bindings.values);
}

function chosenBy({ filter = NO_FILTER, sinceMs }: IncidentChoice, bindings: Bindings): string {
  const since = `${bindings.add(sinceMs ?? null)}::float8`;
  return `(i.closed_at is null
      or (${since} is not null and i.closed_at > now() - make_interval(secs => ${since} / 1000)))
    and ${conditionsOn(filter, bindings)}`;
}

/** The incidents that were open at some time from one moment up to another, the first first. */
export async function incidentsBetween(
  db: Queryable,
  { from, to, limit }: { from: Date; to: Date; limit: number },
): Promise<Incident[]> {
  const { rows } = await db.query<Incident>(
    `select ${INCIDENT} from donations.incidents i
     where i.opened_at < $2 and coalesce(i.closed_at >= $1, true) order by i.opened_at, i.id limit $3`,
    [from, to, limit],
  );
  return rows;
}

/** An incident as it was at a moment. */
export interface OpenIncident
  extends Pick<
    Incident,
    | 'id'
    | 'rule'
    | 'kind'
    | 'subject'
    | 'level'
    | 'cause'
    | 'openedAt'
    | 'acknowledgedBy'
    | 'acknowledgedUntil'
  > {
  /** When the silence of that time ended. */
  silencedUntil: Date | null;
}

/** The incidents that were open at a moment, with the level that they had then; the worst first. */
export async function incidentsAt(db: Queryable, at: Date): Promise<OpenIncident[]> {
  const { rows } = await db.query<OpenIncident>(
    `select i.id, i.rule, i.kind, i.subject, i.cause, i.opened_at as "openedAt",
       coalesce((select e.level from donations.incident_events e
         where e.incident_id = i.id and e.level is not null and e.at <= $1
         order by e.id desc limit 1), i.level) as level,
       taken.by as "acknowledgedBy", taken.until as "acknowledgedUntil",
       (select max(least(s.until, s.ended_at)) from donations.alert_silences s
        where s.created_at <= $1 and least(s.until, s.ended_at) > $1
          and (s.rule is null or s.rule = i.rule) and (s.task is null or s.task = i.subject)
       ) as "silencedUntil"
     from donations.incidents i
     left join lateral (
       select e.actor as by, case when e.at = i.acknowledged_at then i.acknowledged_until end as until
       from donations.incident_events e
       where e.incident_id = i.id and e.kind = 'acknowledged' and e.at <= $1
       order by e.id desc limit 1) taken on coalesce(taken.until > $1, true)
     where i.opened_at <= $1 and coalesce(i.closed_at > $1, true) order by level, i.opened_at`,
    [at],
  );
  return rows;
}

/** What became of an incident. */
export interface IncidentEvent {
  at: Date;
  kind: string;
  incident: string;
  rule: string;
  subject: string;
  level: string | null;
  actor: string | null;
}

/** SQL: the columns of event `e` of incident `i`. */
export const INCIDENT_EVENT = 'e.at, e.kind, i.id as incident, i.rule, i.subject, e.level, e.actor';

/** What became of incidents before a moment, the latest first. */
export async function lastIncidentEvents(
  db: Queryable,
  { to, limit }: { to: Date; limit: number },
): Promise<IncidentEvent[]> {
  const { rows } = await db.query<IncidentEvent>(
    `select ${INCIDENT_EVENT}
     from donations.incident_events e join donations.incidents i on i.id = e.incident_id
     where e.at < $1 order by e.id desc limit $2`,
    [to, limit],
  );
  return rows;
}

/** The incidents of these ids. */
export async function readIncidents(db: Queryable, ids: string[]): Promise<Incident[]> {
  const { rows } = await db.query<Incident>(
    `select ${INCIDENT} from donations.incidents i where i.id = any ($1) order by i.opened_at, i.id`,
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
