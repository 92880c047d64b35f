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
import { Changes } from './changes.ts';
import { isFromDatabase } from './errors.ts';
import type { OperationDeps } from './operations/planned.ts';
import type { Action } from './reducer.ts';
import { INTERVALS, type State } from './state.ts';
import type { Effect } from './step.ts';
import { Store } from './store.ts';
import { ViewReader } from './view-reader.ts';

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
  readonly #views: ViewReader;
  readonly #changes: Changes;

  constructor(state: State, options: MonitorOptions) {
    super(state);
    this.#options = options;
    const { db, timeoutMs, operations } = options;
    const store = {
      state: () => this.state,
      dispatch: (action: Action) => this.dispatch(action),
    };
    this.#views = new ViewReader({
      ...store,
      db,
      timeoutMs,
      now: this.#now,
      lost: (error) => this.#lost(error),
    });
    this.#changes = new Changes({ ...store, operations });
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
    const changed = this.#changes.end();
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#lookTimer);
    await this.#session?.end().catch(() => {});
    await changed;
  }

  protected override perform(effect: Effect): void {
    switch (effect.do) {
      case 'refresh':
        this.#dirtySince ??= Date.now();
        this.#lookIn(0);
        this.#views.read(true);
        break;
      case 'plan':
        this.#changes.plan(effect.request);
        break;
      case 'apply':
        this.#changes.apply(effect.request);
        break;
      case 'stop':
        this.#changes.stop();
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
    this.#views.read(false);
  }

  #lost(error: unknown): void {
    // What was under way ends with its connection.
    if (this.ended) return;
    // A bug: the caller shows it after the terminal is restored.
    if (!isFromDatabase(error)) throw error;
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
}

const hearing = (leads: boolean) =>
  [ACTIVITY_CHANNEL, CONTROL_CHANNEL]
    .map((channel) => `${leads ? 'listen' : 'unlisten'} ${channel}`)
    .join('; ');

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
