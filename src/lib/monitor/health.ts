import { inWords, type Rule, type RuleKind } from '../health/rule-kinds.ts';
import { compareLevels, type Level, levelNow, worstLevel } from '../health/rules.ts';
import { findingInWords } from '../health/words.ts';
import { grouped, plural } from '../output/text.ts';
import { formatDuration } from '../output/time.ts';
import type { PauseCause } from '../queue/run/pauses.ts';
import { type Handling, handlingOf, NOT_HANDLED } from './handling.ts';
import type { Alerts, Reason, Snapshot, SnapshotTask, Tasks } from './snapshot.ts';

export interface Health {
  level: Level;
  /** The worst first. Within a level, those that nobody acknowledged come first. */
  reasons: Reason[];
}

export type TaskState =
  | 'ok'
  | 'idle'
  | 'slow'
  | 'failing'
  | 'paused'
  | 'circuit open'
  | 'refused'
  | 'not known';

/** The state of one task in a word, by the health rules. */
export function taskState(
  task: SnapshotTask,
  { pauses }: Pick<Tasks, 'pauses'>,
  rules: Rule[],
  now: number,
): TaskState {
  const causes = pauses.filter((pause) => pause.task === task.task).map(({ cause }) => cause);
  if (causes.includes('misconfigured')) return 'refused';
  if (causes.includes('circuit')) return 'circuit open';
  if (causes.includes('operator')) return 'paused';
  if (errorLevel(task, rules) === 'critical') return 'failing';
  if (waitLevel(task, rules, now) !== 'ok') return 'slow';
  if (task.ready === null && task.attempts === 0) return 'not known';
  if (!task.ready && !task.running && task.donePerMinute === 0) return 'idle';
  return 'ok';
}

export const errorLevel = ({ task, attempts, errorRate }: SnapshotTask, rules: Rule[]): Level =>
  levelNow(rules, 'errors', errorRate ?? 0, { task, attempts });

export const waitLevel = (row: SnapshotTask, rules: Rule[], now: number): Level =>
  levelNow(rules, 'wait', waitMs(row, now), { task: row.task });

/** How long the job has been due that waits longest; 0 when none waits. */
export const waitMs = ({ oldestReady }: SnapshotTask, now: number): number =>
  oldestReady === null ? 0 : Math.max(0, now - Date.parse(oldestReady));

const RESUME = 'p resume';
const PAUSED: Record<PauseCause, { kind?: RuleKind; text: string; mend: string }> = {
  operator: { kind: 'paused', text: 'is paused', mend: RESUME },
  misconfigured: { kind: 'refused', text: 'is paused: the key is refused', mend: RESUME },
  circuit: { kind: 'circuit', text: 'is paused: its provider is down', mend: RESUME },
  // It ends by itself, and to resume it earlier would only bring further refusals.
  rate_limited: { text: 'waits: its provider asks for fewer requests', mend: '1 ready' },
};

/** The pause that an incident of a kind tells of. */
export const PAUSE_OF_KIND: Partial<Record<RuleKind, PauseCause>> = Object.fromEntries(
  Object.entries(PAUSED).flatMap(([cause, { kind }]) => (kind ? [[kind, cause]] : [])),
);

/** A reason without its acknowledgement. */
interface Found extends Omit<Reason, keyof Handling> {
  /** The incidents of the same problem: of these kinds, and of these tasks or of all. */
  of: { kind: RuleKind; tasks?: string[] } | undefined;
}

/** Kinds that the panels show themselves. They show them earlier than an incident, which waits for the `for` of its rule. */
const SHOWN_BY_PANELS: RuleKind[] = [
  'workers',
  'wait',
  'errors',
  'failed',
  'held',
  'circuit',
  'refused',
  'paused',
];

/**
 * Whether things are well; if not, why, since when, which key fixes it, and who acknowledged it. The
 * health rules say how bad a value is. Pauses and missing workers are shown at once, as a warning until a
 * rule says worse. Problems that no panel shows, such as a full disk, come from the open incidents. For a
 * past moment all reasons come from incidents.
 */
export function judgeHealth(snapshot: Snapshot, rules: Rule[], now: number): Health {
  const reasons = snapshot.past?.reasons ?? reasonsNow(snapshot, rules, now);
  const isHandled = ({ acknowledgedBy, silenced }: Reason) => acknowledgedBy !== null || silenced;
  const sorted = [...reasons].sort(
    (a, b) => compareLevels(b.level, a.level) || Number(isHandled(a)) - Number(isHandled(b)),
  );
  return { level: worstLevel(sorted.map(({ level }) => level)), reasons: sorted };
}

function reasonsNow(snapshot: Snapshot, rules: Rule[], now: number): Reason[] {
  const alerts = snapshot.alerts.value ?? { open: [], silences: [] };
  const filtered = new Set(rules.filter((rule) => rule.filter).map(({ name }) => name));
  const isShown = ({ kind, rule }: Alerts['open'][number]) =>
    SHOWN_BY_PANELS.includes(kind) && !filtered.has(rule);
  const shown = alerts.open.filter(isShown);
  const found = [...ofWorkers(snapshot, rules, now), ...ofTasks(snapshot, rules, now)];
  return [
    ...found.map(({ of, ...reason }): Reason => {
      const isOf = ({ kind, subject }: Alerts['open'][number]) =>
        kind === of?.kind && (!of.tasks || subject === '' || of.tasks.includes(subject));
      return { ...reason, ...(of ? handlingOf(shown.filter(isOf), alerts) : NOT_HANDLED) };
    }),
    ...alerts.open
      .filter((incident) => !isShown(incident))
      .map(
        (incident): Reason => ({
          level: incident.level,
          text: findingInWords({ name: incident.rule, kind: incident.kind }, incident),
          since: incident.openedAt,
          mend: 'I alerts',
          ...handlingOf([incident], alerts),
        }),
      ),
  ];
}

const atLeastWarning = (level: Level) => (level === 'ok' ? 'warning' : level);

function ofWorkers({ workers, tasks }: Snapshot, rules: Rule[], now: number): Found[] {
  if (!workers.value) return [];
  const alive = workers.value.filter(({ state }) => state === 'alive');
  const reasons: Found[] = [];
  const gone = workers.value.filter(({ state }) => state === 'gone');
  if (gone[0]) {
    const held = gone.reduce((sum, { running }) => sum + running.length, 0);
    reasons.push({
      level: 'critical',
      text: `${plural(gone.length, 'worker')} gone with ${plural(held, 'job')}`,
      since: gone.map(({ seenAt }) => seenAt).sort()[0] ?? null,
      mend: 'x rescue',
      of: undefined,
    });
  }
  if (alive.length === 0) {
    const ready = (tasks.value?.rows ?? []).reduce((sum, row) => sum + (row.ready ?? 0), 0);
    const oldest = (tasks.value?.rows ?? []).flatMap((row) => row.oldestReady ?? []).sort()[0];
    const heard =
      workers.value
        .map(({ seenAt }) => seenAt)
        .sort()
        .at(-1) ?? oldest;
    const silence = heard === undefined ? 0 : now - Date.parse(heard);
    reasons.push({
      level: atLeastWarning(levelNow(rules, 'workers', silence)),
      text: `no worker runs${ready > 0 ? ', and jobs wait' : ''}`,
      since: oldest && Date.parse(oldest) < now ? oldest : null,
      mend: 'donations worker start',
      of: { kind: 'workers' },
    });
  }
  return reasons;
}

function ofTasks({ tasks }: Snapshot, rules: Rule[], now: number): Found[] {
  if (!tasks.value) return [];
  const { rows, pauses, more, failedSince, heldSince } = tasks.value;
  const plus = more.includes('failed') ? '+' : '';
  const isPaused = ({ task }: SnapshotTask) => pauses.some((pause) => pause.task === task);
  const running = rows.filter((row) => !isPaused(row));
  const standing = (state: 'failed' | 'held', since: string | null, mend: string) => {
    const count = rows.reduce((sum, row) => sum + (row[state] ?? 0), 0);
    const level = worstLevel(
      rows.map((row) => levelNow(rules, state, row[state] ?? 0, { task: row.task })),
    );
    const text = `${grouped(count)}${plus} ${state}`;
    return level === 'ok' ? [] : [{ level, text, since, mend, of: { kind: state } }];
  };
  return [
    ...pauses.map(({ task, cause, since }): Found => {
      const { kind, text, mend } = PAUSED[cause];
      const level = kind ? levelNow(rules, kind, now - Date.parse(since), { task }) : 'warning';
      const of = kind && { kind, tasks: [task] };
      return { level: atLeastWarning(level), text: `${task} ${text}`, since, mend, of };
    }),
    ...running.flatMap((row): Found[] => {
      const level = waitLevel(row, rules, now);
      if (level === 'ok') return [];
      const text = `${row.task} waits ${formatDuration(waitMs(row, now))}`;
      const of = { kind: 'wait' as const, tasks: [row.task] };
      return [{ level, text, since: row.oldestReady, mend: '1 ready', of }];
    }),
    ...standing('failed', failedSince, '5 r retry'),
    ...standing('held', heldSince, '6 o resolve'),
    ...ofErrors(running, rules),
  ];
}

/** One reason for all tasks whose attempts go wrong, the worst first. */
function ofErrors(rows: SnapshotTask[], rules: Rule[]): Found[] {
  const wrong = rows
    .filter((row) => errorLevel(row, rules) !== 'ok')
    .map((row) => ({ task: row.task, share: row.errorRate ?? 0, level: errorLevel(row, rules) }))
    .sort((a, b) => b.share - a.share);
  const level = worstLevel(wrong.map((row) => row.level));
  if (level === 'ok') return [];
  const named = wrong.map(({ task, share }) => `${task} ${inWords('errors', share)}`).join(', ');
  const of = { kind: 'errors' as const, tasks: wrong.map(({ task }) => task) };
  return [{ level, text: `attempts go wrong: ${named}`, since: null, mend: 'E errors', of }];
}
