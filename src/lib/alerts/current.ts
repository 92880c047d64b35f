import type { Queryable } from '../db/database.ts';
import { INCIDENT, INCIDENT_EVENT, type Incident, type IncidentEvent } from './incidents.ts';
import { IN_FORCE, SILENCE, type Silence } from './silences.ts';

/** What is wrong now, and what became of it lately. */
export interface CurrentAlerts {
  /** The open incidents, the worst first. */
  open: Incident[];
  /** The silences in force. */
  silences: Silence[];
  /** The latest first. */
  events: IncidentEvent[];
}

/** More than can be open: each rule has one incident for each task. */
const MOST_OPEN = 200;
const MOST_SILENCES = 100;

/** Reads the open incidents, silences and latest events in one statement, because monitors read them often. */
export async function readCurrentAlerts(
  tx: Queryable,
  { events }: { events: number },
): Promise<CurrentAlerts> {
  const { rows } = await tx.query<Record<keyof CurrentAlerts, object[] | null>>(
    `select
       (select json_agg(found) from (
          select ${INCIDENT} from donations.incidents i where i.closed_at is null
          order by i.level, i.opened_at desc, i.id limit ${MOST_OPEN}) found) as open,
       (select json_agg(found) from (
          select ${SILENCE} from donations.alert_silences
          where ${IN_FORCE} order by until limit ${MOST_SILENCES}) found) as silences,
       (select json_agg(found) from (
          select ${INCIDENT_EVENT}
          from (select * from donations.incident_events order by id desc limit $1) e
          join donations.incidents i on i.id = e.incident_id order by e.id desc) found) as events`,
    [events],
  );
  const [row] = rows;
  return {
    open: (row?.open ?? []).map((each) => withDates<Incident>(each)),
    silences: (row?.silences ?? []).map((each) => withDates<Silence>(each)),
    events: (row?.events ?? []).map((each) => withDates<IncidentEvent>(each)),
  };
}

const DATES = [
  'at',
  'openedAt',
  'closedAt',
  'acknowledgedUntil',
  'alertedAt',
  'createdAt',
  'until',
];

/** A row from JSON. */
export const withDates = <Row extends object>(row: object): Row =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      DATES.includes(name) && typeof value === 'string' ? new Date(value) : value,
    ]),
  ) as Row;
