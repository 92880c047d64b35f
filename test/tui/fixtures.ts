import { type Action, reduce } from '../../src/commands/monitor/reducer.ts';
import {
  type Content,
  currentView,
  dataKey,
  initialState,
  type Session,
  type State,
} from '../../src/commands/monitor/state.ts';
import type { Effect } from '../../src/commands/monitor/step.ts';
import type { Incident } from '../../src/lib/alerts/incidents.ts';
import { resolveRules } from '../../src/lib/health/rule-settings.ts';
import type { Plain, Snapshot, SnapshotTask } from '../../src/lib/monitor/snapshot.ts';
import type { ListedJob } from '../../src/lib/queue/read/list.ts';
import type { History } from '../../src/lib/samples/read.ts';

export const NOW = Date.parse('2026-11-25T12:00:00.000Z');

export const SESSION: Session = {
  where: 'db.example/donations',
  mode: 'sandbox',
  readOnly: undefined,
  actor: 'grace',
  rules: resolveRules([]),
};

export const task = (name: string, rest: Partial<SnapshotTask> = {}): SnapshotTask => ({
  task: name,
  ready: 0,
  running: 0,
  retrying: 0,
  scheduled: 0,
  failed: 0,
  held: 0,
  enqueuedPerMinute: 0,
  donePerMinute: 0,
  attempts: 0,
  errorRate: null,
  latency: null,
  duration: null,
  oldestReady: null,
  drainMs: 0,
  readyEstimate: null,
  trend: [],
  ...rest,
});

const part = <T>(value: T) => ({ value, at: new Date(NOW).toISOString(), behind: null });

/** A queue with something of everything. */
export function snapshot(rows: SnapshotTask[] = TASKS): Snapshot {
  return {
    at: new Date(NOW).toISOString(),
    tookMs: 9,
    costMs: 4,
    tasks: part({
      rows,
      pauses: [],
      spanMs: 300_000,
      more: [],
      failedSince: new Date(NOW - 3_600_000).toISOString(),
      heldSince: new Date(NOW - 600_000).toISOString(),
    }),
    workers: part([
      {
        id: 'wrk_01m852q9kseq8vzr7j65wf8c0f',
        state: 'alive' as const,
        host: 'web-1',
        pid: 4711,
        version: '0.1.0',
        concurrency: 25,
        tasks: ['send_receipt'],
        startedAt: new Date(NOW - 7_200_000).toISOString(),
        seenAt: new Date(NOW - 400).toISOString(),
        stoppedAt: null as unknown as string,
        running: [
          {
            job: '9',
            task: 'send_receipt',
            attempt: 1,
            claim: '',
            donation: null as unknown as string,
            since: '',
          },
        ],
      },
    ]),
    events: part([
      {
        at: new Date(NOW - 5000).toISOString(),
        kind: 'attempt' as const,
        tone: 'bad' as const,
        text: 'send_receipt failed, attempt 3: 日本 \u001b[31mred\u0007 \u202eevil',
        task: 'send_receipt',
        job: '77',
        donation: 'don_01m852q8vse60v8qj8kqkhwdaa',
        audit: null,
        incident: null,
      },
      {
        at: new Date(NOW - 60_000).toISOString(),
        kind: 'incident' as const,
        tone: 'warn' as const,
        text: 'incident opened: failed of send_receipt (warning)',
        ...{ task: null, job: null, donation: null, audit: null },
        incident: INCIDENT.id,
      },
    ]),
    alerts: part({ open: [plain(INCIDENT)], silences: [] }),
  };
}

const plain = <T>(value: T): Plain<T> => JSON.parse(JSON.stringify(value));

/** What has been wrong with the receipts for an hour. */
export const INCIDENT: Incident = {
  id: 'inc_01m852q8vse60v8qj8kqkhwdaa',
  rule: 'failed',
  kind: 'failed',
  subject: 'send_receipt',
  level: 'critical',
  worst: 'critical',
  value: 412,
  more: false,
  peak: 412,
  cause: 'SendGrid refused the connection',
  jobs: 412,
  donors: 398,
  amounts: [{ currency: 'usd', minor: '1234500' }],
  openedAt: new Date(NOW - 3_600_000),
  closedAt: null,
  lastedMs: 3_600_000,
  acknowledgedBy: null,
  acknowledgedUntil: null,
  acknowledged: false,
  silenced: false,
  alertedAt: new Date(NOW - 3_500_000),
};

export const ACKED = {
  ...INCIDENT,
  id: 'inc_2',
  acknowledged: true,
  acknowledgedBy: 'grace 山田',
  acknowledgedUntil: new Date(NOW + 7_200_000),
};
export const SILENCE = {
  id: 'sil_1',
  rule: 'failed',
  task: null,
  actor: 'ada',
  reason: 'moving \u001b[2J',
  createdAt: new Date(NOW),
  until: new Date(NOW + 26 * 3_600_000),
};
export const STORY = {
  incident: ACKED,
  events: [
    { at: new Date(NOW - 3_600_000), kind: 'opened', level: 'critical', actor: null, note: null },
    {
      at: new Date(NOW),
      kind: 'acknowledged',
      level: null,
      actor: 'grace',
      note: 'asked \u0007 them',
    },
  ],
  alerts: [
    {
      route: 'ops',
      event: 'opened',
      level: 'critical',
      status: 'failed',
      attempts: 3,
      dueAt: new Date(NOW - 3_600_000),
      sentAt: null,
      error: 'answered 503',
    },
  ],
};

const TASKS = [
  task('send_receipt', {
    ready: 1203,
    running: 1,
    failed: 412,
    held: 3,
    donePerMinute: 824,
    enqueuedPerMinute: 900,
    attempts: 800,
    errorRate: 0.08,
    duration: { p50: 80, p95: 340, p99: 900 },
    oldestReady: new Date(NOW - 90_000).toISOString(),
    trend: [1, 2, 3, 5, 8, 13],
  }),
  task('tokenize_card', { donePerMinute: 12, errorRate: 0 }),
];

export const HISTORY: History = {
  stepMs: 60_000,
  since: new Date(NOW - 86_400_000).toISOString(),
  buckets: Array.from({ length: 15 }, (_, i) => ({
    at: new Date(NOW - (15 - i) * 60_000).toISOString(),
    enqueued: 10 * i,
    done: 100 * i,
    retried: i === 7 ? 5 : 0,
    failed: i === 7 ? 20 : 0,
    held: 0,
    waitMs: 4000 * i,
    p95Ms: 120,
  })),
};

export const job = (id: string, rest: Partial<ListedJob> = {}): ListedJob => ({
  id,
  task: 'send_receipt',
  queue: null,
  state: 'failed',
  attempts: 3,
  maxAttempts: 25,
  runAt: new Date(NOW - 60_000),
  at: new Date(NOW - 120_000),
  createdAt: new Date(NOW - 180_000),
  lockedBy: null,
  error: 'SendGrid refused the connection',
  errorClass: 'transient',
  errorCode: 'ECONNREFUSED',
  fingerprint: 'f1',
  donation: 'don_01m852q8vse60v8qj8kqkhwdaa',
  donor: 'dnr_1',
  donorName: 'Zoë 山田 🎉',
  donorEmail: null,
  ...rest,
});

/** A monitor without a terminal: keys go in, the state and what was to be done come out. */
export class Desk {
  state: State;
  effects: Effect[] = [];

  constructor({
    columns = 100,
    rows = 30,
    session = SESSION,
    past,
  }: Partial<Pick<State, 'columns' | 'rows' | 'session' | 'past'>> = {}) {
    this.state = initialState(session, { columns, rows, now: NOW, past });
    this.act({ type: 'snapshot', snapshot: snapshot(), now: NOW });
    this.act({ type: 'history', history: HISTORY });
    this.effects = [];
  }

  act(action: Action): this {
    const { state, effects } = reduce(this.state, action);
    this.state = state;
    this.effects.push(...effects);
    return this;
  }

  /** Presses keys, each by its name. */
  press(...keys: string[]): this {
    for (const key of keys) this.act({ type: 'key', key });
    return this;
  }

  type(text: string): this {
    return this.press(...[...text].map((letter) => (letter === ' ' ? 'space' : letter)));
  }

  /** What the database would have answered for the view that is shown. */
  answer(content: Content): this {
    const key = dataKey(currentView(this.state));
    return this.act({ type: 'content', key, content, now: NOW });
  }

  answerJobs(...jobs: ListedJob[]): this {
    return this.answer({
      of: 'jobs',
      page: { jobs, next: undefined },
      total: { count: jobs.length, more: false },
    });
  }

  get view() {
    return currentView(this.state);
  }

  /** The effects since they were asked for last. */
  done(): Effect[] {
    return this.effects.splice(0);
  }
}
