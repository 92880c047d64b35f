import { incidentsAt, lastIncidentEvents, type OpenIncident } from '../alerts/incidents.ts';
import { listAudit } from '../audit/entries.ts';
import type { Db, Queryable } from '../db/database.ts';
import { readWithin } from '../db/read.ts';
import { UserError } from '../errors.ts';
import { listFailures } from '../queue/read/failures.ts';
import { type Ran, ranAt } from '../queue/read/stats.ts';
import { pausedByPeopleAt } from '../queue/run/pauses.ts';
import { workersBetween } from '../queue/run/workers.ts';
import { readDepth, readTrends } from '../samples/read.ts';
import { PAUSE_OF_KIND } from './health.ts';
import {
  EVENTS,
  eventsOf,
  type Part,
  type Reason,
  type Snapshot,
  type SnapshotTask,
  type Tasks,
  TREND_MINUTES,
  WINDOW_MS,
} from './snapshot.ts';

/** What a snapshot of the past does not have, because no history holds it. */
export const NOT_KNOWN = [
  'how many jobs were scheduled, retrying, failed or held',
  'jobs that ran then and have not ended yet',
  'pauses that a provider asked for',
];

const DAY_MS = 86_400_000;
const MOST_WORKERS = 100;

/**
 * The snapshot as it would have been at a moment of the past: from the minute samples, the ledger of
 * attempts, the incidents, the audit trail and the workers. What none of them holds is null.
 *
 * @param timeoutMs of each statement.
 */
export async function takePast(
  db: Db,
  { at, timeoutMs }: { at: Date; timeoutMs: number },
): Promise<Snapshot> {
  const start = performance.now();
  const iso = at.toISOString();
  const part = async <T>(read: (tx: Queryable) => Promise<T>): Promise<Part<T>> => {
    try {
      return { value: await readWithin(db, timeoutMs, read), at: iso, behind: null };
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== 'try_again') throw error;
      return { value: null, at: null, behind: `Postgres took longer than ${timeoutMs / 1000} s` };
    }
  };
  const ran = await part((tx) => ranAt(tx, at, WINDOW_MS));
  const incidents = await part((tx) => incidentsAt(tx, at));
  const workers = await part((tx) => readWorkers(tx, at, ran.value?.running ?? []));
  const tasks = await part((tx) => readTasks(tx, at, ran.value, incidents.value ?? []));
  const events = await part(async (tx) =>
    eventsOf({
      failures: await listFailures(tx, { to: at, limit: EVENTS }),
      decisions: await listAudit(tx, { to: at, limit: EVENTS }),
      incidents: await lastIncidentEvents(tx, { to: at, limit: EVENTS }),
      workers: workers.value ?? [],
    }),
  );
  const reasons = (incidents.value ?? []).map(
    ({ id, level, rule, subject, cause, openedAt, ...then }): Reason => ({
      level,
      text: `${subject === '' ? '' : `${subject} `}${rule}${cause === null ? '' : `: ${cause}`}`,
      since: openedAt.toISOString(),
      mend: 'I alerts',
      incident: id,
      acknowledgedBy: then.acknowledgedBy,
      acknowledgedUntil: then.acknowledgedUntil?.toISOString() ?? null,
      silenced: then.silencedUntil !== null,
      silencedUntil: then.silencedUntil?.toISOString() ?? null,
    }),
  );
  const tookMs = Math.round(performance.now() - start);
  return {
    ...{ at: iso, tookMs, costMs: tookMs, tasks, workers, events },
    // The reasons of that moment already include the incidents.
    alerts: { value: null, at: null, behind: null },
    past: { reasons },
  };
}

async function readTasks(
  tx: Queryable,
  at: Date,
  ran: Ran | null,
  incidents: OpenIncident[],
): Promise<Tasks> {
  const depth = await readDepth(tx, at);
  const trends = await readTrends(tx, TREND_MINUTES, at);
  const minutes = WINDOW_MS / 60_000;
  const names = new Set([...depth.keys(), ...trends.keys(), ...(ran?.tasks.keys() ?? [])]);
  const rows = [...names].map((task): SnapshotTask => {
    const found = depth.get(task);
    const rates = ran?.tasks.get(task);
    const trend = trends.get(task)?.done ?? [];
    const sum = (values: number[]) => values.slice(-minutes).reduce((all, each) => all + each, 0);
    return {
      task,
      ready: found?.ready ?? null,
      running: ran ? ran.running.filter((job) => job.task === task).length : null,
      ...{ scheduled: null, retrying: null, failed: null, held: null },
      enqueuedPerMinute: sum(trends.get(task)?.enqueued ?? []) / minutes,
      donePerMinute: sum(trend) / minutes,
      attempts: rates?.attempts ?? 0,
      errorRate: rates?.errorRate ?? null,
      latency: rates?.latency ?? null,
      duration: rates?.duration ?? null,
      oldestReady: found?.waitMs ? new Date(at.getTime() - found.waitMs).toISOString() : null,
      drainMs: null,
      readyEstimate: null,
      trend,
    };
  });
  const paused = incidents.flatMap(({ kind, subject, cause, openedAt }) => {
    const by = PAUSE_OF_KIND[kind];
    return by ? [{ task: subject, cause: by, reason: cause ?? '', since: openedAt }] : [];
  });
  const pauses = [
    ...paused.filter((pause) => pause.cause !== 'operator'),
    ...(await pausedByPeopleAt(tx, at)),
  ];
  return {
    rows,
    pauses: pauses.map((pause) => ({
      ...pause,
      since: pause.since.toISOString(),
      until: null as unknown as string,
      probes: 0,
      nextProbeAt: null as unknown as string,
    })),
    spanMs: WINDOW_MS,
    more: [],
    failedSince: null,
    heldSince: null,
  };
}

const STATES = { stopped: 'stopped', lost: 'gone' } as const;

async function readWorkers(
  tx: Queryable,
  at: Date,
  running: Ran['running'],
): Promise<NonNullable<Snapshot['workers']['value']>> {
  const lives = await workersBetween(tx, {
    from: new Date(at.getTime() - DAY_MS),
    to: at,
    limit: MOST_WORKERS,
  });
  const rows = lives.map(({ id, host, pid, version, concurrency, tasks, ...life }) => ({
    ...{ id, host, pid, version, concurrency, tasks },
    state: life.ending ? STATES[life.ending] : ('alive' as const),
    startedAt: life.startedAt.toISOString(),
    // Heartbeats are not kept: one that was alive was heard.
    seenAt: (life.endedAt ?? at).toISOString(),
    stoppedAt: (life.ending === 'stopped'
      ? life.endedAt?.toISOString()
      : null) as unknown as string,
    running: running.filter(({ worker }) => worker === id),
  }));
  return rows.sort(
    (a, b) =>
      Number(b.state === 'alive') - Number(a.state === 'alive') || (a.seenAt < b.seenAt ? 1 : -1),
  );
}
