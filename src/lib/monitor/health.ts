import { formatDuration } from '../output/time.ts';
import type { Snapshot, SnapshotTask, Tasks } from './snapshot.ts';

export type Level = 'ok' | 'warn' | 'critical';

/** Why things are not well. */
export interface Reason {
  level: Exclude<Level, 'ok'>;
  text: string;
  /** As ISO 8601; null when nobody knows. */
  since: string | null;
  /** What mends it, as keys and words of the monitor: `3 r retry`. */
  mend: string;
}

export interface Health {
  level: Level;
  /** The worst first. */
  reasons: Reason[];
}

/** A ready job that waits longer than this is late, and then too late. */
export const WAIT_WARN_MS = 60_000;
const WAIT_CRITICAL_MS = 300_000;
/** The share of attempts that go wrong; of fewer than so many nothing can be said. */
const LEAST_ATTEMPTS = 10;
export const ERRORS_WARN = 0.05;
const ERRORS_CRITICAL = 0.25;

export type TaskState = 'ok' | 'idle' | 'slow' | 'failing' | 'paused' | 'circuit open' | 'refused';

/** What is to be said of one task in a word. */
export function taskState(
  task: SnapshotTask,
  { pauses }: Pick<Tasks, 'pauses'>,
  now: number,
): TaskState {
  const causes = pauses.filter((pause) => pause.task === task.task).map(({ cause }) => cause);
  if (causes.includes('misconfigured')) return 'refused';
  if (causes.includes('circuit')) return 'circuit open';
  if (causes.includes('operator')) return 'paused';
  if (errorShare(task) >= ERRORS_CRITICAL) return 'failing';
  if (waitMs(task, now) >= WAIT_WARN_MS) return 'slow';
  if (task.ready + task.running === 0 && task.donePerMinute === 0) return 'idle';
  return 'ok';
}

const errorShare = ({ errorRate, attempts }: SnapshotTask): number =>
  attempts < LEAST_ATTEMPTS ? 0 : (errorRate ?? 0);

/** How long the job has been due that waits longest; 0 when none waits. */
export const waitMs = ({ oldestReady }: SnapshotTask, now: number): number =>
  oldestReady === null ? 0 : Math.max(0, now - Date.parse(oldestReady));

const PAUSED: Record<string, string> = {
  operator: 'is paused',
  misconfigured: 'is paused: the key is refused',
  circuit: 'is paused: its provider is down',
};

/** Whether things are well, and if not why, since when, and which key mends it. */
export function judgeHealth(snapshot: Snapshot, now: number): Health {
  const reasons = [...ofWorkers(snapshot, now), ...ofTasks(snapshot, now)];
  const order = { critical: 0, warn: 1 };
  reasons.sort((a, b) => order[a.level] - order[b.level]);
  return { level: reasons[0]?.level ?? 'ok', reasons };
}

function ofWorkers({ workers, tasks }: Snapshot, now: number): Reason[] {
  if (!workers.value) return [];
  const alive = workers.value.filter(({ state }) => state === 'alive');
  const reasons: Reason[] = [];
  const gone = workers.value.filter(({ state }) => state === 'gone');
  if (gone[0]) {
    const held = gone.reduce((sum, { running }) => sum + running.length, 0);
    reasons.push({
      level: 'critical',
      text: `${count(gone.length, 'worker')} gone with ${count(held, 'job')}`,
      since: gone.map(({ seen_at }) => seen_at).sort()[0] ?? null,
      mend: 'x rescue',
    });
  }
  const ready = (tasks.value?.rows ?? []).reduce((sum, row) => sum + row.ready, 0);
  if (alive.length === 0) {
    const oldest = (tasks.value?.rows ?? []).flatMap((row) => row.oldestReady ?? []).sort()[0];
    reasons.push({
      level: ready > 0 ? 'critical' : 'warn',
      text: `no worker runs${ready > 0 ? ', and jobs wait' : ''}`,
      since: oldest && Date.parse(oldest) < now ? oldest : null,
      mend: 'donations worker start',
    });
  }
  return reasons;
}

function ofTasks({ tasks }: Snapshot, now: number): Reason[] {
  if (!tasks.value) return [];
  const { rows, pauses, failedSince, heldSince, more } = tasks.value;
  const plus = more.includes('failed') ? '+' : '';
  const reasons: Reason[] = pauses.map(({ task, cause, since }) => ({
    level: cause === 'operator' ? 'warn' : 'critical',
    text: `${task} ${PAUSED[cause]}`,
    since,
    mend: 'p resume',
  }));
  for (const row of rows) {
    const paused = pauses.some(({ task }) => task === row.task);
    const wait = waitMs(row, now);
    if (!paused && wait >= WAIT_WARN_MS) {
      reasons.push({
        level: wait >= WAIT_CRITICAL_MS ? 'critical' : 'warn',
        text: `${row.task} waits ${formatDuration(wait)}`,
        since: row.oldestReady,
        mend: '1 ready',
      });
    }
  }
  const failed = rows.reduce((sum, row) => sum + row.failed, 0);
  const held = rows.reduce((sum, row) => sum + row.held, 0);
  if (failed > 0) {
    reasons.push({
      level: 'warn',
      text: `${failed.toLocaleString('en-US')}${plus} failed`,
      since: failedSince,
      mend: '5 r retry',
    });
  }
  if (held > 0) {
    reasons.push({
      level: 'warn',
      text: `${held.toLocaleString('en-US')}${plus} held`,
      since: heldSince,
      mend: '6 o resolve',
    });
  }
  return [...reasons, ...ofErrors(rows, pauses)];
}

/** One reason for all tasks whose attempts go wrong, the worst first. */
function ofErrors(rows: SnapshotTask[], pauses: Tasks['pauses']): Reason[] {
  const wrong = rows
    .filter(({ task }) => !pauses.some((pause) => pause.task === task))
    .map((row) => ({ task: row.task, share: errorShare(row) }))
    .filter(({ share }) => share >= ERRORS_WARN)
    .sort((a, b) => b.share - a.share);
  const worst = wrong[0]?.share;
  if (worst === undefined) return [];
  const named = wrong.map(({ task, share }) => `${task} ${percent(share)}`).join(', ');
  return [
    {
      level: worst >= ERRORS_CRITICAL ? 'critical' : 'warn',
      text: `attempts go wrong: ${named}`,
      since: null,
      mend: 'E errors',
    },
  ];
}

const count = (value: number, what: string) =>
  `${value.toLocaleString('en-US')} ${what}${value === 1 ? '' : 's'}`;
const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)}%`;
