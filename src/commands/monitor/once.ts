import { withDates } from '../../lib/alerts/current.ts';
import type { Incident } from '../../lib/alerts/incidents.ts';
import type { Silence } from '../../lib/alerts/silences.ts';
import { usageError } from '../../lib/errors.ts';
import { judgeHealth } from '../../lib/monitor/health.ts';
import { NOT_KNOWN, takePast } from '../../lib/monitor/past.ts';
import {
  type Alerts,
  type Plain,
  type Snapshot,
  type Tasks,
  takeSnapshot,
} from '../../lib/monitor/snapshot.ts';
import { round } from '../../lib/output/number.ts';
import { toRecord } from '../../lib/output/render.ts';
import { snakeCase } from '../../lib/output/snake-case.ts';
import type { TaskStats } from '../../lib/queue/read/stats.ts';
import type { WorkerRow } from '../../lib/queue/run/workers.ts';
import type { History } from '../../lib/samples/read.ts';
import { INCIDENT_COLUMNS } from '../alerts/shared/columns.ts';
import { SILENCE_COLUMNS } from '../alerts/shared/silences.ts';
import { statsColumns } from '../jobs/shared/stats-columns.ts';
import { chartColumns } from './chart.ts';
import type { Opened } from './opened.ts';
import { loadHistory } from './queries.ts';
import type { Session } from './state.ts';
import { WINDOWS, type WindowName, windowOf } from './windows.ts';

/** What one frame is made of. */
export interface Once {
  snapshot: Snapshot;
  history: History;
}

/** Reads it now, whatever other monitors have read, or of the past; the history for so many columns. */
export async function readOnce(
  { db, timeoutMs, past }: Opened,
  { window, columns }: { window: WindowName; columns: number },
): Promise<Once> {
  const windowMs = WINDOWS[windowOf(window)]?.ms ?? 0;
  const at = past && new Date(past.at);
  const most = chartColumns(columns);
  return {
    snapshot: at ? await takePast(db, { at, timeoutMs }) : await takeSnapshot(db, { timeoutMs }),
    history: await loadHistory(db, timeoutMs, { windowMs, most, until: at }),
  };
}

/** The tasks by the names that `jobs stats` has for the same. */
function tasksForScripts({ rows, pauses, more, spanMs, failedSince, heldSince }: Tasks) {
  const columns = statsColumns({ pauses: [], more: new Set() }).filter(
    ({ name }) => name !== 'pause',
  );
  return {
    rows: rows.map((row) => ({
      ...toRecord(columns, {
        ...row,
        oldestReady: row.oldestReady === null ? null : new Date(row.oldestReady),
        // Counts that are unknown at a past moment are null, and are printed as null.
      } as TaskStats),
      attempts: row.attempts,
      readyEstimate: row.readyEstimate,
      doneByMinute: row.trend,
    })),
    pauses,
    spanMs: round(spanMs),
    more,
    failedSince,
    heldSince,
  };
}

/** A worker by the names that `worker list` has for the same. */
const workerForScripts = ({ id, state, running, ...rest }: Plain<WorkerRow>) => ({
  worker: id,
  status: state,
  jobs: running,
  ...rest,
});

/** The incident in the terms of `alerts list` and `alerts silence`. */
const alertsForScripts = ({ open, silences }: Alerts) => ({
  open: open.map((incident) => toRecord(INCIDENT_COLUMNS, withDates<Incident>(incident))),
  silences: silences.map((each) => toRecord(SILENCE_COLUMNS, withDates<Silence>(each))),
});

/** The object that `--json` prints: all fields, or the named ones. */
export function pickFields(
  { rules }: Session,
  { snapshot, history }: Once,
  fields: string,
): Record<string, unknown> {
  const { at, tookMs, tasks, workers, events, alerts } = snapshot;
  const all = snakeCase({
    at,
    tookMs: round(tookMs),
    health: judgeHealth(snapshot, rules, Date.parse(at)),
    tasks: { ...tasks, value: tasks.value && tasksForScripts(tasks.value) },
    workers: { ...workers, value: workers.value?.map(workerForScripts) ?? null },
    events,
    alerts: { ...alerts, value: alerts.value && alertsForScripts(alerts.value) },
    history: {
      stepMs: history.stepMs,
      since: history.since,
      buckets: history.buckets.map(({ waitMs, p95Ms, ...counts }) => ({
        ...counts,
        waitMs: waitMs && round(waitMs),
        p95Ms: p95Ms && round(p95Ms),
      })),
    },
    ...(snapshot.past ? { notKnown: NOT_KNOWN } : {}),
  }) as Record<string, unknown>;
  if (fields === '') return all;
  const names = fields.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !Object.hasOwn(all, name));
  if (unknown !== undefined)
    throw usageError(`there is no field "${unknown}"`, `Fields: ${Object.keys(all).join(', ')}`);
  return Object.fromEntries(names.map((name) => [name, all[name]]));
}
