import { createHash } from 'node:crypto';
import { readCurrentAlerts } from '../alerts/current.ts';
import type { Incident, IncidentEvent } from '../alerts/incidents.ts';
import type { Silence } from '../alerts/silences.ts';
import { type AuditEntry, listAudit } from '../audit/entries.ts';
import type { Db, Queryable } from '../db/database.ts';
import { readWithin } from '../db/read.ts';
import { UserError } from '../errors.ts';
import { type FailedAttempt, listFailures } from '../queue/read/failures.ts';
import { queueStats, type TaskStats } from '../queue/read/stats.ts';
import type { Pause } from '../queue/run/pauses.ts';
import { listWorkers, type WorkerRow } from '../queue/run/workers.ts';
import type { JobState } from '../queue/states.ts';
import { readTrends } from '../samples/read.ts';

/** As JSON gives it back: dates are text. */
export type Plain<T> = T extends Date
  ? string
  : T extends (infer Item)[]
    ? Plain<Item>[]
    : T extends object
      ? { [Key in keyof T]: Plain<T[Key]> }
      : T;

/** The statistics of a task; of a moment of the past the counts that no history holds are null. */
export type SnapshotTask = Omit<Plain<TaskStats>, JobState> &
  Record<JobState, number | null> &
  Charted;

interface Charted {
  /** `ready` and so on are counted up to a bound; this is what the last sample counted. */
  readyEstimate: number | null;
  /** Jobs done in each of the last minutes, oldest first. */
  trend: number[];
}

export interface Tasks {
  rows: SnapshotTask[];
  pauses: Plain<Pause>[];
  /** The time that the rates are of. */
  spanMs: number;
  /** Counts that were not carried on; see QueueStats. */
  more: string[];
  /** Since when the oldest failed and the oldest held job have been so. */
  failedSince: string | null;
  heldSince: string | null;
}

/** The problems by the health rules, as the workers last evaluated them. */
export interface Alerts {
  /** The open incidents, the worst first. */
  open: Plain<Incident>[];
  /** The silences in force. */
  silences: Plain<Silence>[];
}

export interface MonitorEvent {
  at: string;
  kind: 'attempt' | 'decision' | 'worker' | 'incident';
  tone: 'good' | 'warn' | 'bad' | 'dim';
  text: string;
  task: string | null;
  job: string | null;
  donation: string | null;
  /** The audit entry of a decision. */
  audit: string | null;
  incident: string | null;
}

/** One panel's share. */
export interface Part<T> {
  /** Null until it could be read once. */
  value: T | null;
  /** When it was read. */
  at: string | null;
  /** Why it is not of this moment; null when it is. */
  behind: string | null;
}

/** Why things are not well. */
export interface Reason {
  level: 'warning' | 'critical';
  text: string;
  /** As ISO 8601; null when it is not known. */
  since: string | null;
  /** What fixes it, as keys and words of the monitor: `3 r retry`. */
  mend: string;
  /** The worst of its incidents; null when no worker has evaluated it yet. */
  incident: string | null;
  /** Who acknowledged all its incidents, and until when; null means until they close. */
  acknowledgedBy: string | null;
  acknowledgedUntil: string | null;
  /** No alerts of it are sent, and until when. */
  silenced: boolean;
  silencedUntil: string | null;
}

/** What every monitor shows. */
export interface Snapshot {
  /** By the database's clock. */
  at: string;
  /** How long it took, in milliseconds, and how much of it was Postgres's work rather than waiting. */
  tookMs: number;
  costMs: number;
  tasks: Part<Tasks>;
  workers: Part<Plain<WorkerRow>[]>;
  events: Part<MonitorEvent[]>;
  alerts: Part<Alerts>;
  /** Of a moment of the past: what was wrong by the incidents that were open. */
  past?: { reasons: Reason[] };
}

/** Rates are of this time, or of what the latest attempts cover. */
export const WINDOW_MS = 5 * 60_000;
/** Counting stops here; a larger number comes from the minute's sample. */
const BOUNDS = { jobs: 10_000, attempts: 1000 };
export const TREND_MINUTES = 12;
export const EVENTS = 30;

/**
 * Reads the snapshot, part by part: one that takes too long is left as it was, and says so.
 *
 * @param timeoutMs of each statement.
 */
export async function takeSnapshot(
  db: Db,
  { timeoutMs, before }: { timeoutMs: number; before?: Snapshot | undefined },
): Promise<Snapshot> {
  const meter = new Meter();
  const part = async <T>(
    old: Part<T> | undefined,
    read: (tx: Queryable) => Promise<T>,
  ): Promise<Part<T>> => {
    try {
      return await readWithin(db, timeoutMs, async (tx) => {
        const value = await read(meter.on(tx));
        const { rows } = await meter.waiting(() =>
          tx.query<{ at: Date }>('select now() as at', [], 'monitor_now'),
        );
        return { value, at: rows[0]?.at.toISOString() ?? null, behind: null };
      });
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== 'try_again') throw error;
      const behind = `Postgres took longer than ${timeoutMs / 1000} s`;
      return { value: old?.value ?? null, at: old?.at ?? null, behind };
    }
  };
  const workers = await part(before?.workers, async (tx) => plain(await listWorkers(tx)));
  const { events, alerts } = split(
    await part(joined(before), (tx) => readEvents(tx, workers.value ?? [])),
  );
  const tasks = await part(before?.tasks, readTasks);
  const { rows } = await db.query<{ at: Date }>('select clock_timestamp() as at');
  return {
    at: (rows[0] as { at: Date }).at.toISOString(),
    ...meter.read(),
    tasks,
    workers,
    events,
    alerts,
  };
}

/** What is read in one transaction. */
interface EventsAndAlerts {
  events: MonitorEvent[];
  alerts: Alerts;
}

function joined(before: Snapshot | undefined): Part<EventsAndAlerts> | undefined {
  const [events, alerts] = [before?.events.value, before?.alerts?.value];
  return before && { ...before.events, value: events && alerts ? { events, alerts } : null };
}

const split = ({ value, ...rest }: Part<EventsAndAlerts>) => ({
  events: { ...rest, value: value?.events ?? null },
  alerts: { ...rest, value: value?.alerts ?? null },
});

async function readTasks(tx: Queryable): Promise<Tasks> {
  const stats = await queueStats(tx, WINDOW_MS, BOUNDS);
  const trends = await readTrends(tx, TREND_MINUTES);
  const { rows: standing } = await tx.query<{ decision: string; since: Date }>(
    `(select decision, decided_at as since from donations.job_verdicts
      where decision <> 'retry' and decision = 'fail' order by decided_at limit 1)
     union all
     (select decision, decided_at from donations.job_verdicts
      where decision <> 'retry' and decision = 'hold' order by decided_at limit 1)`,
  );
  const since = (decision: string) =>
    standing.find((row) => row.decision === decision)?.since.toISOString() ?? null;
  const isCut = stats.more.has('ready');
  return plain({
    rows: stats.tasks.map((row) => ({
      ...row,
      readyEstimate: isCut ? (trends.get(row.task)?.ready ?? null) : null,
      trend: trends.get(row.task)?.done ?? [],
    })),
    pauses: stats.pauses,
    spanMs: stats.spanMs,
    more: [...stats.more],
    failedSince: since('fail'),
    heldSince: since('hold'),
  });
}

const TONES: Record<string, MonitorEvent['tone']> = {
  ...{ retry: 'warn', parked: 'warn' },
  ...{ closed: 'good', acknowledged: 'good', lowered: 'warn' },
};

async function readEvents(tx: Queryable, workers: Plain<WorkerRow>[]): Promise<EventsAndAlerts> {
  const failures = await listFailures(tx, { limit: EVENTS });
  const decisions = await listAudit(tx, { limit: EVENTS });
  const { open, silences, events: incidents } = await readCurrentAlerts(tx, { events: EVENTS });
  return {
    events: eventsOf({ failures, decisions, workers, incidents }),
    alerts: plain({ open, silences }),
  };
}

/** The latest events of all kinds in one list, the latest first. */
export function eventsOf({
  failures,
  decisions,
  workers,
  incidents,
}: {
  failures: FailedAttempt[];
  decisions: AuditEntry[];
  workers: Plain<WorkerRow>[];
  incidents: IncidentEvent[];
}): MonitorEvent[] {
  const events: MonitorEvent[] = [
    ...failures.map(
      ({ at, task, job, donation, attempt, outcome, error }): MonitorEvent => ({
        at,
        kind: 'attempt',
        tone: TONES[outcome] ?? 'bad',
        text: `${task} ${outcome}, attempt ${attempt}${error ? `: ${error}` : ''}`,
        task,
        job,
        donation,
        audit: null,
        incident: null,
      }),
    ),
    ...decisions.map(
      (row): MonitorEvent => ({
        at: row.at.toISOString(),
        kind: 'decision',
        tone: 'good',
        text: `${row.actor}: ${row.action}${row.affected === null ? '' : ` ${row.affected}`}${
          row.subject || row.filter ? ` ${row.subject ?? row.filter}` : ''
        }${row.reason ? ` (${row.reason})` : ''}`,
        task: null,
        job: null,
        donation: null,
        audit: row.id,
        incident: null,
      }),
    ),
    ...incidents.map(
      ({ at, kind, incident, rule, subject, level, actor }): MonitorEvent => ({
        at: at.toISOString(),
        kind: 'incident',
        tone: TONES[kind] ?? (level === 'critical' ? 'bad' : 'warn'),
        text: `incident ${kind}${actor ? ` by ${actor}` : ''}: ${rule}${
          subject === '' ? '' : ` of ${subject}`
        }${level ? ` (${level})` : ''}`,
        task: null,
        job: null,
        donation: null,
        audit: null,
        incident,
      }),
    ),
    ...workers.flatMap((worker): MonitorEvent[] => {
      const told = (at: string, tone: MonitorEvent['tone'], what: string): MonitorEvent => ({
        at,
        kind: 'worker',
        tone,
        text: `worker …${worker.id.slice(-6)} on ${worker.host} ${what}`,
        task: null,
        job: null,
        donation: null,
        audit: null,
        incident: null,
      });
      const started = told(worker.startedAt, 'good', 'started');
      if (worker.stoppedAt) return [started, told(worker.stoppedAt, 'dim', 'stopped')];
      if (worker.state === 'alive') return [started];
      return [started, told(worker.seenAt, 'bad', 'was last heard of')];
    }),
  ];
  return events.sort((a, b) => (a.at < b.at ? 1 : -1)).slice(0, EVENTS);
}

const plain = <T>(value: T): Plain<T> => JSON.parse(JSON.stringify(value));

/** What begins and ends a transaction of a part: `begin`, its settings, `commit`. */
const STATEMENTS_OF_A_PART = 3;
/** A statement is never cheaper than this. */
const LEAST_MS = 0.2;

/**
 * Distinguishes Postgres's work from waiting: on the network, or on a machine that has other things to do. A
 * statement that has nothing to do takes as long as each of the others waits.
 */
class Meter {
  readonly #start = performance.now();
  readonly #waits: number[] = [];
  #statements = 0;

  /** The same statements each time are planned once on each connection. */
  on(tx: Queryable): Queryable {
    this.#statements += STATEMENTS_OF_A_PART;
    return {
      query: (text, values, name) => {
        this.#statements += 1;
        const hash = () => createHash('sha1').update(text).digest('hex').slice(0, 16);
        return tx.query(text, values, name ?? `monitor_${hash()}`);
      },
    };
  }

  /** Runs a statement that has nothing to do. */
  async waiting<T>(run: () => Promise<T>): Promise<T> {
    this.#statements += 1;
    const start = performance.now();
    const result = await run();
    this.#waits.push(performance.now() - start);
    return result;
  }

  read(): Pick<Snapshot, 'tookMs' | 'costMs'> {
    const tookMs = performance.now() - this.#start;
    const wait = this.#waits.sort((a, b) => a - b)[Math.floor(this.#waits.length / 2)] ?? 0;
    const least = this.#statements * LEAST_MS;
    return {
      tookMs: round(tookMs),
      costMs: round(Math.max(least, tookMs - this.#statements * wait)),
    };
  }
}

const round = (ms: number) => Math.round(ms * 10) / 10;
