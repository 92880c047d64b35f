import type { Mode } from '../config.ts';
import type { Db } from '../db/database.ts';
import { newId } from '../ids.ts';
import { readIncidents } from './incidents.ts';
import { composeMessage } from './message.ts';
import type { AlertEvent } from './owed.ts';
import type { Route } from './route-settings.ts';
import { reasonOf } from './routes/failure.ts';
import { type RouteDeps, sendBy } from './send.ts';

export interface DeliverOptions extends RouteDeps {
  routes: Route[];
  mode: Mode;
  locale: string;
}

export interface Delivered {
  route: string;
  alerts: number;
  /** Why it did not arrive; undefined when it did. */
  failure: string | undefined;
}

interface Claimed {
  id: string;
  incident: string;
  event: AlertEvent;
  level: 'warning' | 'critical';
  nth: number;
}

/** Longer than any route may take: who is still at it is not taken for dead. */
const CLAIM = '2 minutes';
/** At most so many in one message. */
const MOST = 50;
/** How long a route without a fallback is tried. */
const GIVE_UP = '1 day';

/**
 * Delivers the alerts that are due, each route by itself. At least once: a worker that dies between the
 * delivery and writing it down has it delivered again by another, when the claim has run out.
 */
export async function deliverDue(db: Db, options: DeliverOptions): Promise<Delivered[]> {
  const { rows } = await db.query<{ route: string }>(
    `select distinct route from donations.alert_deliveries
     where status = 'pending' and due_at <= now() and coalesce(claimed_until < now(), true)`,
  );
  const done = await Promise.all(
    rows.map(({ route: name }) => {
      const route = options.routes.find((each) => each.name === name);
      return route ? deliverBy(db, route, options) : giveUp(db, name);
    }),
  );
  return done.filter((each) => each !== undefined);
}

/** The settings have no such route any more. The other routes receive the open incidents. */
async function giveUp(db: Db, name: string): Promise<Delivered> {
  const failure = 'there is no such route in the settings';
  const { rowCount } = await db.query(
    `update donations.alert_deliveries set status = 'failed', last_error = $2
     where status = 'pending' and route = $1`,
    [name, failure],
  );
  return { route: name, alerts: rowCount ?? 0, failure };
}

async function deliverBy(
  db: Db,
  route: Route,
  options: DeliverOptions,
): Promise<Delivered | undefined> {
  const claimed = await claim(db, route);
  if (claimed.length === 0) return undefined;
  const ids = claimed.map(({ id }) => id);
  const incidents = await readIncidents(db, [...new Set(claimed.map(({ incident }) => incident))]);
  const told = claimed.flatMap(({ incident: of, ...alert }) => {
    const incident = incidents.find(({ id }) => id === of);
    return incident ? [{ ...alert, incident }] : [];
  });
  const { mode, locale } = options;
  const message = composeMessage(told, { audience: route.audience, mode, locale });
  try {
    await sendBy(route, message, options);
  } catch (error) {
    const failure = reasonOf(error);
    await writeFailure(db, route, claimed, failure);
    return { route: route.name, alerts: claimed.length, failure };
  }
  await db.query(
    `update donations.alert_deliveries set status = 'sent', sent_at = now(), claimed_until = null,
       last_error = null where id = any ($1)`,
    [ids],
  );
  return { route: route.name, alerts: claimed.length, failure: undefined };
}

/** Those due of a route, with those that wait to come in one message with them. */
async function claim(db: Db, { name, group = 0 }: Route): Promise<Claimed[]> {
  const { rows } = await db.query<Claimed>(
    `update donations.alert_deliveries set claimed_until = now() + interval '${CLAIM}',
       attempts = attempts + 1
     where id in (
       select id from donations.alert_deliveries
       where status = 'pending' and route = $1 and coalesce(claimed_until < now(), true)
         and due_at <= now() + make_interval(secs => $2::float8 / 1000)
       order by created_at, id limit ${MOST} for update skip locked)
     returning id, incident_id as incident, event, level, nth`,
    [name, group],
  );
  return rows.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Hands the alerts over to the route that stands in, or has them tried again after a while. */
async function writeFailure(db: Db, route: Route, claimed: Claimed[], failure: string) {
  const ids = claimed.map(({ id }) => id);
  const { fallback } = route;
  if (fallback === undefined) {
    // After 5 s, then twice as long each time up to 5 minutes.
    await db.query(
      `update donations.alert_deliveries set last_error = $2, claimed_until = null,
         status = case when created_at < now() - interval '${GIVE_UP}' then 'failed' else 'pending' end,
         due_at = now() + make_interval(secs => least(300, 5 * 2 ^ least(attempts - 1, 10)))
       where id = any ($1)`,
      [ids, failure],
    );
    return;
  }
  await db.transaction(async (tx) => {
    await tx.query(
      `update donations.alert_deliveries set status = 'handed_over', last_error = $2,
         claimed_until = null where id = any ($1)`,
      [ids, failure],
    );
    for (const { incident, event, level, nth } of claimed) {
      await tx.query(
        `insert into donations.alert_deliveries (id, incident_id, route, event, level, nth, due_at)
         values ($1, $2, $3, $4, $5, $6, now()) on conflict do nothing`,
        [newId('alert'), incident, fallback, event, level, nth],
      );
    }
  });
}
