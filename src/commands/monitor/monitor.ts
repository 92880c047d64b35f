import { randomUUID } from 'node:crypto';
import { isConnectionError } from '../../lib/db/connection-error.ts';
import type { Db, Session } from '../../lib/db/database.ts';
import { UserError } from '../../lib/errors.ts';
import {
  readShared,
  refreshShared,
  restMs,
  type SharedSnapshot,
  SNAPSHOT_CHANNEL,
} from '../../lib/monitor/shared.ts';
import { type Snapshot, takeSnapshot } from '../../lib/monitor/snapshot.ts';
import { ACTIVITY_CHANNEL } from '../../lib/queue/run/activity.ts';
import { CONTROL_CHANNEL } from '../../lib/queue/run/pauses.ts';
import { chartColumns } from './chart.ts';
import { type OperationDeps, type Planned, planRequest } from './operations.ts';
import { loadContent, loadHistory } from './queries.ts';
import type { Request } from './requests.ts';
import { currentView, dataKey, INTERVALS, type State } from './state.ts';
import type { Effect } from './step.ts';
import { Store } from './store.ts';
import { WINDOWS } from './windows.ts';

/** How soon another monitor takes the snapshot when the one that took the last does not take the next. */
const FOLLOW_MS = 250;
/** How long after its time the next snapshot is waited for, before another monitor takes it. */
const LOST_LEADER_MS = 1000;
export const RECONNECT_MS = 1000;
/** New jobs without a notice are found by Postgres' counter of job ids. */
const PULSE_MS = 1000;
const TICK_MS = 1000;
/** An answer that takes this long is none: the network may be gone without a word. */
const SILENCE_MS = 15_000;
/** A view's own queries rest so many times as long as they took. */
const VIEW_REST_FACTOR = 20;
const VIEW_REST_MS = 900;
const MINUTE_MS = 60_000;
/** So long after a minute its sample is there. */
const SAMPLED_MS = 6000;

export interface MonitorOptions {
  /** Its own connections: every statement has a limit. */
  db: Db;
  timeoutMs: number;
  operations: OperationDeps;
  /** What only the terminal can do. */
  onEffect: (effect: Extract<Effect, { do: 'quit' | 'suspend' | 'redraw' | 'copy' }>) => void;
}

/** The monitor without its screen: holds the state, looks at the database, makes changes. */
export class Monitor extends Store {
  /** This monitor, where monitors hear of one another. */
  readonly #id = randomUUID();
  readonly #options: MonitorOptions;
  readonly #timers = new Set<NodeJS.Timeout>();
  #session: Session | undefined;
  /** The database's clock against ours. */
  #offsetMs = 0;
  /** Whether this one took the last snapshot, and takes the next. */
  #leads = false;
  #lookTimer: NodeJS.Timeout | undefined;
  #lookAt = Number.POSITIVE_INFINITY;
  #looking = false;
  /** Since when something has changed that is not on the screen. */
  #dirtySince: number | undefined;
  /** When the newest snapshot was taken, by our clock. */
  #takenAt = 0;
  /** Before this moment it is not taken again. */
  #dueAt = 0;
  /** When a snapshot was shown last. */
  #shownAt = 0;
  #lastJob: string | undefined;
  #latencyMs: number | undefined;
  #canPulse = true;
  #viewAt = 0;
  #viewRestMs = VIEW_REST_MS;
  #viewKey = '';
  #loading = false;
  #loadAgain = false;
  #historyMinute = 0;
  #historyKey = '';
  #planned: Planned | undefined;
  #abort = new AbortController();
  /** Of the change that is being made. */
  #applying: Promise<void> | undefined;

  constructor(state: State, options: MonitorOptions) {
    super(state);
    this.#options = options;
  }

  override start(): void {
    this.#every(TICK_MS, () => {
      // A frame costs more than a clock that is half a second late.
      if (Date.now() < this.#shownAt + TICK_MS / 2) return;
      this.dispatch({ type: 'ticked', now: this.#now(), latencyMs: this.#latencyMs });
    });
    this.#every(PULSE_MS, () => this.#pulse());
    this.#listen();
    this.#lookIn(0);
  }

  /** Ends what it does by itself; a change that is being made is stopped at a whole chunk. */
  override async end(): Promise<void> {
    this.ended = true;
    this.#abort.abort();
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#lookTimer);
    await this.#session?.end().catch(() => {});
    await this.#applying;
  }

  protected override perform(effect: Effect): void {
    switch (effect.do) {
      case 'refresh':
        this.#dirtySince ??= Date.now();
        this.#lookIn(0);
        this.#loadHistory();
        void this.#loadView(true);
        break;
      case 'plan':
        void this.#plan(effect.request);
        break;
      case 'apply':
        this.#applying = this.#apply(effect.request);
        break;
      case 'stop':
        this.#abort.abort();
        break;
      default:
        this.#options.onEffect(effect);
    }
  }

  // The snapshot.

  #now = () => Date.now() + this.#offsetMs;
  #interval = () => INTERVALS[this.state.interval] as number;

  #every(ms: number, work: () => void): void {
    this.#timers.add(setInterval(work, ms));
  }

  /** Looks in so long, or sooner if that was to be. */
  #lookIn(ms: number): void {
    if (this.ended) return;
    const at = Date.now() + Math.max(0, ms);
    if (at >= this.#lookAt) return;
    clearTimeout(this.#lookTimer);
    this.#lookAt = at;
    this.#lookTimer = setTimeout(() => {
      this.#lookAt = Number.POSITIVE_INFINITY;
      void this.#look();
    }, at - Date.now());
  }

  /** Something has changed: looks as soon as a new snapshot is due. */
  #changed(): void {
    this.#dirtySince ??= Date.now();
    const due = this.#dueAt - Date.now();
    this.#lookIn(this.#leads ? due : Math.max(due, 0) + FOLLOW_MS * (1 + Math.random()));
  }

  async #look(): Promise<void> {
    if (this.#looking || this.ended) return;
    this.#looking = true;
    try {
      await within(SILENCE_MS, this.#refresh());
    } catch (error) {
      this.#lost(error);
    } finally {
      this.#looking = false;
    }
    this.#lookIn(this.state.link.status === 'lost' ? RECONNECT_MS : this.#untilNext());
  }

  #untilNext(): number {
    const due = this.#dueAt - Date.now();
    if (this.#dirtySince !== undefined) return Math.max(due, 0) + (this.#leads ? 0 : FOLLOW_MS);
    const next = this.#takenAt + this.#interval() - Date.now();
    // The others hear of it before they would look for themselves.
    return this.#leads ? next : next + LOST_LEADER_MS * (1 + Math.random());
  }

  async #refresh(): Promise<void> {
    const { db, timeoutMs } = this.#options;
    if (this.state.session.readOnly !== undefined) {
      const shared = await readShared(db);
      const isFresh = shared && shared.ageMs < Math.max(1000, this.#untilDue());
      this.#lead(!isFresh);
      if (isFresh) return this.#adopt(shared);
      const body = await takeSnapshot(db, { timeoutMs, before: this.state.snapshot });
      return this.#adopt({ body, ageMs: 0, dueInMs: restMs(body.costMs) });
    }
    const taken = await refreshShared(db, this.#id, (before) =>
      takeSnapshot(db, { timeoutMs, before: before ?? this.state.snapshot }),
    );
    this.#lead(taken !== undefined);
    if (taken) return this.#adopt(taken);
    const shared = await readShared(db);
    if (shared) this.#adopt(shared);
  }

  #untilDue = () => this.#dueAt - Date.now();

  #adopt({ body, ageMs, dueInMs }: SharedSnapshot): void {
    this.#dueAt = Date.now() + dueInMs;
    if (this.state.snapshot?.at === body.at && this.state.link.status === 'live') return;
    this.#show(body, ageMs);
  }

  #show(snapshot: Snapshot, ageMs: number): void {
    const arrived = Date.now();
    this.#shownAt = arrived;
    this.#takenAt = arrived - ageMs;
    // What changed while it was being taken may not be in it.
    if (this.#dirtySince !== undefined && this.#dirtySince <= this.#takenAt - snapshot.tookMs)
      this.#dirtySince = undefined;
    this.#offsetMs = Date.parse(snapshot.at) + ageMs - arrived;
    if (!this.#session) this.#listen();
    this.dispatch({ type: 'snapshot', snapshot, now: this.#now() });
    if (this.state.frozen) return;
    this.#loadHistory();
    void this.#loadView(false);
  }

  #lost(error: unknown): void {
    // What was under way ends with its connection.
    if (this.ended) return;
    if (!isConnectionError(error) && !(error instanceof UserError) && !isSqlError(error)) {
      // A bug: the caller shows it after the terminal is restored.
      throw error;
    }
    this.dispatch({ type: 'lost', error: (error as Error).message || String(error) });
  }

  /** The monitor that takes the snapshots listens for changes; the others only for its snapshots. */
  #lead(leads: boolean): void {
    if (leads === this.#leads) return;
    this.#leads = leads;
    this.#session?.query(hearing(leads)).catch(() => {});
  }

  /** The connection that listens for notices of changes. */
  #listen(): void {
    const { db } = this.#options;
    db.session('donations monitor listens').then(
      async (session) => {
        if (this.ended || this.#session) return session.end();
        this.#session = session;
        const lost = () => {
          if (this.#session !== session) return;
          this.#session = undefined;
          if (this.ended) return;
          this.dispatch({ type: 'lost', error: 'the connection was closed' });
          this.#lookIn(0);
        };
        session.on('error', lost);
        session.on('end', lost);
        session.on('notification', ({ channel, payload }) => {
          if (channel !== SNAPSHOT_CHANNEL) return this.#changed();
          if (payload !== this.#id) void this.#readOthers();
        });
        await session.query(`listen ${SNAPSHOT_CHANNEL}; ${hearing(this.#leads)}`).catch(lost);
      },
      // Looking fails as well, and says so.
      () => {},
    );
  }

  /** Another monitor has taken a snapshot. */
  async #readOthers(): Promise<void> {
    this.#lead(false);
    try {
      const start = performance.now();
      const shared = await readShared(this.#options.db);
      this.#latencyMs = performance.now() - start;
      if (!shared || this.ended) return;
      this.#adopt(shared);
      clearTimeout(this.#lookTimer);
      this.#lookAt = Number.POSITIVE_INFINITY;
      this.#lookIn(this.#untilNext());
    } catch (error) {
      this.#lost(error);
    }
  }

  async #pulse(): Promise<void> {
    if (!this.#canPulse || this.state.link.status !== 'live' || this.#looking) return;
    // The monitor that took the last snapshot takes the next one for all, while it is alive.
    if (!this.#leads && Date.now() < this.#takenAt + this.#interval() + LOST_LEADER_MS) return;
    const start = performance.now();
    try {
      const { rows } = await this.#options.db.query<{ last: bigint | null }>(
        `select pg_sequence_last_value(pg_get_serial_sequence('graphile_worker._private_jobs', 'id')::regclass) as last`,
        [],
        'monitor_pulse',
      );
      const last = String(rows[0]?.last ?? '');
      const before = this.#lastJob;
      this.#lastJob = last;
      this.#latencyMs = performance.now() - start;
      if (before !== undefined && before !== last) this.#changed();
    } catch (error) {
      if (isConnectionError(error)) return this.#lost(error);
      // A role that may not read the counter sees new jobs a little later.
      this.#canPulse = false;
    }
  }

  // What views read for themselves.

  async #loadView(now: boolean): Promise<void> {
    const view = currentView(this.state);
    const key = `${dataKey(view)}\n${view.limit}`;
    const isNew = key !== this.#viewKey;
    if (!now && !isNew && Date.now() < this.#viewAt + this.#viewRestMs) return;
    if (this.#loading) {
      this.#loadAgain = true;
      return;
    }
    if (view.name === 'overview' || view.name === 'workers') return;
    this.#loading = true;
    this.#viewKey = key;
    const start = performance.now();
    try {
      const { db, timeoutMs } = this.#options;
      const content = await loadContent(db, timeoutMs, view);
      if (content && !this.state.frozen)
        this.dispatch({ type: 'content', key: dataKey(view), content, now: this.#now() });
    } catch (error) {
      if (error instanceof UserError) {
        const trouble = error.code === 'try_again' ? error.message : explained(error);
        this.dispatch({ type: 'content failed', key: dataKey(view), trouble });
      } else this.#lost(error);
    } finally {
      this.#loading = false;
      this.#viewAt = Date.now();
      this.#viewRestMs = Math.max(VIEW_REST_MS, (performance.now() - start) * VIEW_REST_FACTOR);
    }
    if (!this.#loadAgain) return;
    this.#loadAgain = false;
    void this.#loadView(true);
  }

  #loadHistory(): void {
    const { window, columns, views } = this.state;
    if (views.length > 1 || this.state.link.status !== 'live') return;
    const { ms: windowMs } = WINDOWS[window] as (typeof WINDOWS)[number];
    const key = `${window} ${columns}`;
    const minute = Math.floor((this.#now() - SAMPLED_MS) / MINUTE_MS);
    if (key === this.#historyKey && minute === this.#historyMinute) return;
    this.#historyKey = key;
    this.#historyMinute = minute;
    const { db, timeoutMs } = this.#options;
    loadHistory(db, timeoutMs, { windowMs, most: chartColumns(columns) }).then(
      (history) => {
        if (this.#historyKey === key) this.dispatch({ type: 'history', history });
      },
      (error: unknown) => {
        if (!(error instanceof UserError)) return this.#lost(error);
        this.dispatch({ type: 'history failed', trouble: error.message });
      },
    );
  }

  // Changes.

  async #plan(request: Request): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    this.#planned = undefined;
    try {
      const planned = await planRequest(this.#options.operations, request);
      if (abort.signal.aborted) return;
      this.#planned = planned;
      const { title, lines, confirm, total } = planned;
      this.dispatch({ type: 'planned', title, lines, confirm, total });
    } catch (error) {
      if (!abort.signal.aborted) this.dispatch({ type: 'refused', error: explained(error) });
    }
  }

  async #apply(request: Request): Promise<void> {
    const planned = this.#planned;
    if (!planned) return;
    const abort = new AbortController();
    this.#abort = abort;
    try {
      const { lines, discarded, stopped } = await planned.apply(request, {
        signal: abort.signal,
        onProgress: (done, note) => this.dispatch({ type: 'progress', done, note }),
      });
      this.dispatch({ type: 'applied', lines, discarded, stopped });
    } catch (error) {
      const { done } = this.state.dialog ?? { done: 0 };
      const some = done > 0 ? `${done} were done before this; the same again does the rest. ` : '';
      this.dispatch({ type: 'refused', error: some + explained(error) });
    }
  }
}

const hearing = (leads: boolean) =>
  [ACTIVITY_CHANNEL, CONTROL_CHANNEL]
    .map((channel) => `${leads ? 'listen' : 'unlisten'} ${channel}`)
    .join('; ');

/** The message for an error of a change or a view. */
function explained(error: unknown): string {
  if (error instanceof UserError) {
    const hint = error.hint?.replaceAll('\n', ' ');
    return hint ? `${error.message}. ${hint}` : error.message;
  }
  if (error instanceof Error) return error.message || error.name;
  return String(error);
}

export const isSqlError = (error: unknown) =>
  /^[0-9A-Z]{5}$/.test(String((error as { code?: unknown }).code ?? ''));

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new UserError('try_again', `no answer for ${ms / 1000} s`)),
      ms,
    );
  });
  try {
    return await Promise.race([work, silence]);
  } finally {
    clearTimeout(timer);
  }
}
