import type { Level } from '../health/rules.ts';
import { compareLevels } from '../health/rules.ts';
import type { Route } from './route-settings.ts';

export type AlertEvent = 'opened' | 'raised' | 'reminder' | 'recovered';
type Trouble = Exclude<Level, 'ok'>;

/** An incident as far as telling of it goes. */
export interface TellableIncident {
  id: string;
  rule: string;
  /** The task, or what else it is of. */
  subject: string;
  level: Trouble;
  worst: Trouble;
  closed: boolean;
  /** It is acknowledged, and the acknowledgement has not expired. */
  acknowledged: boolean;
  silenced: boolean;
}

/** An alert of an incident on a route, sent or about to be sent. */
export interface ToldAlert {
  incident: string;
  route: string;
  event: AlertEvent;
  level: Trouble;
  nth: number;
  at: Date;
}

export interface OwedAlert {
  incident: string;
  route: string;
  event: AlertEvent;
  level: Trouble;
  nth: number;
  dueAt: Date;
}

interface Telling {
  incidents: TellableIncident[];
  routes: Route[];
  told: ToldAlert[];
  /** When the route last received an alert of the rule and subject, of earlier incidents too. */
  lastTold: (route: string, rule: string, subject: string) => Date | undefined;
  now: Date;
  timeZone: string;
}

/**
 * The alerts to send now: each open incident on each route that it concerns, unless it was sent
 * already; and its end, where it was sent. It follows from what is on record alone. So it
 * is the same after a restart, and a silenced alert is sent when the silence ends.
 */
export function owedAlerts({ incidents, routes, told, ...rest }: Telling): OwedAlert[] {
  return incidents.flatMap((incident) =>
    routes.flatMap((route) => {
      const before = told.filter(
        (alert) => alert.incident === incident.id && alert.route === route.name,
      );
      const next = incident.closed
        ? afterwards(incident, route, before)
        : meanwhile(incident, route, before, rest.now);
      if (!next) return [];
      const dueAt = dueTime(route, incident, next.event, rest);
      return [{ incident: incident.id, route: route.name, ...next, dueAt }];
    }),
  );
}

type Next = Pick<OwedAlert, 'event' | 'level' | 'nth'> | undefined;

function afterwards({ level }: TellableIncident, route: Route, before: ToldAlert[]): Next {
  const isOwed =
    route.recovered && before.length > 0 && !before.some(({ event }) => event === 'recovered');
  return isOwed ? { event: 'recovered', level, nth: 0 } : undefined;
}

function meanwhile(incident: TellableIncident, route: Route, before: ToldAlert[], now: Date): Next {
  const { level, subject } = incident;
  if (incident.silenced || !concerns(route, level, subject)) return undefined;
  const last = before.reduce<ToldAlert | undefined>(
    (latest, alert) => (!latest || alert.at > latest.at ? alert : latest),
    undefined,
  );
  if (!last) return { event: 'opened', level, nth: 0 };
  if (!before.some((alert) => compareLevels(alert.level, level) >= 0))
    return { event: 'raised', level, nth: 0 };
  if (route.remind === undefined || incident.acknowledged) return undefined;
  if (now.getTime() - last.at.getTime() < route.remind) return undefined;
  const reminders = before.filter((alert) => alert.event === 'reminder' && alert.level === level);
  return { event: 'reminder', level, nth: Math.max(0, ...reminders.map(({ nth }) => nth)) + 1 };
}

/** Whether a route receives such alerts. */
function concerns(route: Route, level: Trouble, subject: string): boolean {
  if (route.standby || compareLevels(level, route.level) < 0) return false;
  return route.tasks === undefined || route.tasks.includes(subject);
}

function dueTime(
  route: Route,
  { rule, subject, level }: TellableIncident,
  event: AlertEvent,
  { now, lastTold, timeZone }: Pick<Telling, 'now' | 'lastTold' | 'timeZone'>,
): Date {
  let at = now.getTime() + (route.group ?? 0);
  const last = route.coolDown === undefined ? undefined : lastTold(route.name, rule, subject);
  // What gets worse, and the end, are news.
  if (last && route.coolDown !== undefined && event === 'opened')
    at = Math.max(at, last.getTime() + route.coolDown);
  const due = new Date(at);
  return route.quietHours && level === 'warning'
    ? afterQuietHours(due, route.quietHours, timeZone)
    : due;
}

const DAY_MINUTES = 24 * 60;

/**
 * The time itself, or when the quiet hours end that it is in.
 * @internal Exported for its tests.
 */
export function afterQuietHours(at: Date, quietHours: string, timeZone: string): Date {
  const [from = 0, to = 0] = quietHours.split('-').map((clock) => {
    const [hours = 0, minutes = 0] = clock.split(':').map(Number);
    return hours * 60 + minutes;
  });
  const length = (to - from + DAY_MINUTES) % DAY_MINUTES;
  const into = (minuteOfDay(at, timeZone) - from + DAY_MINUTES) % DAY_MINUTES;
  if (into >= length) return at;
  const end = at.getTime() + (length - into) * 60_000;
  return new Date(end - (end % 60_000));
}

function minuteOfDay(at: Date, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en', {
    timeZone,
    hour: 'numeric',
    minute: 'numeric',
    hourCycle: 'h23',
  }).formatToParts(at);
  const part = (type: string) => Number(parts.find((each) => each.type === type)?.value ?? 0);
  return part('hour') * 60 + part('minute');
}
