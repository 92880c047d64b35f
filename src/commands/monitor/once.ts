import { usageError } from '../../lib/errors.ts';
import { judgeHealth } from '../../lib/monitor/health.ts';
import { NOT_KNOWN, takePast } from '../../lib/monitor/past.ts';
import { type Snapshot, takeSnapshot } from '../../lib/monitor/snapshot.ts';
import type { History } from '../../lib/samples/read.ts';
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

/** What `--json` writes: all of it, or the fields that are named. */
export function pickFields(
  { rules }: Session,
  { snapshot, history }: Once,
  fields: string,
): Record<string, unknown> {
  const { at, tookMs, tasks, workers, events } = snapshot;
  const all: Record<string, unknown> = {
    at,
    took_ms: tookMs,
    health: judgeHealth(snapshot, rules, Date.parse(at)),
    tasks,
    workers,
    events,
    history,
    ...(snapshot.past ? { not_known: NOT_KNOWN } : {}),
  };
  if (fields === '') return all;
  const names = fields.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !Object.hasOwn(all, name));
  if (unknown !== undefined)
    throw usageError(`there is no field "${unknown}"`, `Fields: ${Object.keys(all).join(', ')}`);
  return Object.fromEntries(names.map((name) => [name, all[name]]));
}
