import { randomUUID } from 'node:crypto';
import { isConnectionError } from '../../lib/db/connection-error.ts';
import type { Db } from '../../lib/db/database.ts';
import { UserError } from '../../lib/errors.ts';
import {
  announceLeave,
  LEFT,
  type Need,
  priceMs,
  readShared,
  refreshShared,
  type SharedSnapshot,
  type Standing,
  untilDue,
} from '../../lib/monitor/shared.ts';
import { type Snapshot, takeSnapshot } from '../../lib/monitor/snapshot.ts';
import { Changes } from './changes.ts';
import { isFromDatabase } from './errors.ts';
import { Listener } from './listener.ts';
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
/** Postgres' counter of job ids shows whether jobs keep coming. */
const PULSE_MS = 1000;
const TICK_MS = 1000;
/** How long the end waits for the database. */
const LEAVE_MS = 500;
/** A snapshot of another monitor that is younger than this is read; no new one is taken. */
const FRESH_MS = 1000;
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
  readonly #listener: Listener;
  /** The database's clock against ours. */
  #offsetMs = 0;
  /** Whether this one took the last snapshot, and takes the next. */
  #leads = false;
  #lookTimer: NodeJS.Timeout | undefined;
  #lookAt = Number.POSITIVE_INFINITY;
  #looking = false;
  /** The last change that may not be on the screen yet, and how soon it must be. */
  #changed: { at: number; need: Need } | undefined;
  /** When the newest snapshot was taken, by our clock. */
  #takenAt = 0;
  /** Until this time, the snapshots so far have used up the share of Postgres that monitors may use. */
  #paidUntil = 0;
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
    this.#listener = new Listener({
      db,
      onChange: (need) => this.#change(need),
      onSnapshot: (by) => {
        if (by === LEFT) this.#change('jobs');
        else if (by !== this.#id) void this.#readOthers();
      },
      onLost: () => {
        this.dispatch({ type: 'lost', error: 'the connection was closed' });
        this.#lookIn(0);
      },
    });
  }

  override start(): void {
    this.#every(TICK_MS, () => {
      // A frame costs more than a clock that is half a second late.
      if (Date.now() < this.#shownAt + TICK_MS / 2) return;
      this.dispatch({ type: 'ticked', now: this.#now(), latencyMs: this.#latencyMs });
    });
    this.#every(PULSE_MS, () => this.#pulse());
    this.#listener.open();
    // The monitor that took the last snapshot may be gone, so this one takes the next.
    this.#change('jobs');
    this.#lookIn(0);
  }

  /** Ends what it does by itself; a change that is being made is stopped at a whole chunk. */
  override async end(): Promise<void> {
    this.ended = true;
    const changed = this.#changes.end();
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#lookTimer);
    if (this.#leads && this.state.link.status === 'live')
      await within(LEAVE_MS, announceLeave(this.#options.db)).catch(() => {});
    await this.#listener.end();
    await changed;
  }

  protected override perform(effect: Effect): void {
    switch (effect.do) {
      case 'refresh':
        this.#change('change');
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
  #change(need: Need): void {
    // A change stays pending until a snapshot shows it.
    const isUrgent = need === 'change' || this.#changed?.need === 'change';
    this.#changed = { at: Date.now(), need: isUrgent ? 'change' : 'jobs' };
    this.#lookIn(this.#untilNext());
  }

  #standing = (): Standing => ({
    ageMs: Date.now() - this.#takenAt,
    owedMs: this.#paidUntil - Date.now(),
  });

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
    const need = this.#changed?.need ?? (this.#listener.busy ? 'jobs' : undefined);
    if (need !== undefined) {
      const due = Math.max(0, untilDue(this.#standing(), need));
      return this.#leads ? due : due + FOLLOW_MS * (1 + Math.random());
    }
    const next = this.#takenAt + this.#interval() - Date.now();
    if (this.#leads) return Math.max(next, untilDue(this.#standing(), 'jobs'));
    // The others hear of it before they would look for themselves.
    return next + LOST_LEADER_MS * (1 + Math.random());
  }

  async #refresh(): Promise<void> {
    const { db, timeoutMs } = this.#options;
    if (this.state.session.readOnly !== undefined) return this.#refreshAlone();
    const need = this.#changed?.need ?? 'jobs';
    const taken = await refreshShared(db, { by: this.#id, need }, (before) =>
      takeSnapshot(db, { timeoutMs, before: before ?? this.state.snapshot }),
    );
    this.#lead(taken !== undefined);
    const shared = taken ?? (await readShared(db));
    if (shared) this.#adopt(shared);
  }

  /** Without the right to share a snapshot: reads that of another monitor, or takes its own. */
  async #refreshAlone(): Promise<void> {
    const { db, timeoutMs } = this.#options;
    const shared = await readShared(db);
    if (shared && shared.ageMs < FRESH_MS) {
      this.#lead(false);
      return this.#adopt(shared);
    }
    this.#lead(true);
    const isDue = untilDue(this.#standing(), this.#changed?.need ?? 'jobs') <= 0;
    if (!isDue && this.state.link.status === 'live') return;
    const body = await takeSnapshot(db, { timeoutMs, before: this.state.snapshot });
    const owedMs = Math.max(0, this.#standing().owedMs) + priceMs(body.costMs);
    this.#adopt({ body, ageMs: 0, owedMs });
  }

  #adopt({ body, ageMs, owedMs }: SharedSnapshot): void {
    this.#paidUntil = Date.now() + owedMs;
    if (this.state.snapshot?.at === body.at && this.state.link.status === 'live') return;
    this.#show(body, ageMs);
  }

  #show(snapshot: Snapshot, ageMs: number): void {
    const arrived = Date.now();
    this.#shownAt = arrived;
    this.#takenAt = arrived - ageMs;
    // What changed while it was being taken may not be in it.
    if (this.#changed && this.#changed.at <= this.#takenAt - snapshot.tookMs)
      this.#changed = undefined;
    this.#offsetMs = Date.parse(snapshot.at) + ageMs - arrived;
    this.#listener.open();
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

  /** Whether this monitor takes the snapshots for the others. */
  #lead(leads: boolean): void {
    this.#leads = leads;
    this.#listener.lead(leads);
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
      if (before !== undefined) this.#listener.setBusy(before !== last);
    } catch (error) {
      if (isConnectionError(error)) return this.#lost(error);
      // A role that may not read the counter sees new jobs a little later.
      this.#canPulse = false;
    }
  }
}

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
