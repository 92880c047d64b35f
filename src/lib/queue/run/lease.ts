import { performance } from 'node:perf_hooks';
import type { Clock } from '../../clock.ts';
import { isConnectionError, isReadOnlyServer } from '../../db/connection-error.ts';
import type { Db, Session } from '../../db/database.ts';
import { CONTROL_CHANNEL } from './pauses.ts';
import {
  beat,
  endFormerConnections,
  GIVE_UP_AFTER_MS,
  heartbeatName,
  holdWorkerLock,
  RESTART_GRACE_MS,
  type RunningJob,
} from './workers.ts';

export interface LeaseOptions {
  db: Db;
  workerId: string;
  /** Milliseconds between heartbeats. */
  everyMs: number;
  /** Returns the running jobs, which the heartbeat stores. */
  running: () => RunningJob[];
  /** Called when pauses may have changed: after a notification, or after a reconnect. */
  onControl: () => void;
  /** Called when the heartbeat fails: once for a series of failures with the same reason. */
  onTrouble: (error: Error) => void;
  /** Called when this worker loses or regains its lease, so that jobs may not or may start. */
  onChange: (change: 'lost' | 'proven') => void;
  /** Called when other workers had treated this one as gone and released its jobs at that time. */
  onGivenUp: (at: Date) => void;
}

/** Milliseconds before a failed heartbeat is repeated. */
const AGAIN_MS = 500;
/** The limit of a heartbeat's statement. The client waits one second longer. */
const STATEMENT_MS = 1000;
const CONNECT_MS = 2000;
/** Jobs that begin within this time are announced by one heartbeat. */
const ANNOUNCE_MS = 50;

/**
 * A time by two clocks: the monotonic clock stops while the host is suspended, and the wall clock
 * can be set.
 */
interface Moment {
  monotonic: number;
  wall: number;
}
const moment = (): Moment => ({ monotonic: performance.now(), wall: Date.now() });
/**
 * The longer of the two elapsed times. An overestimate only costs a heartbeat; an underestimate
 * could send a mail twice.
 */
const since = ({ monotonic, wall }: Moment) =>
  Math.max(performance.now() - monotonic, Date.now() - wall);

/**
 * The lease of a worker: a heartbeat in its own loop, on its own connection, independent of
 * everything else. A heartbeat counts from before it was sent. Postgres stores a later time, so
 * other workers always judge later than this one. When the last heartbeat is older than
 * `GIVE_UP_AFTER_MS` this worker starts no calls until one succeeds.
 *
 * The connection also holds the worker's session lock, and listens for changes of pauses.
 */
export class Lease {
  readonly #options: LeaseOptions;
  #session: Session | undefined;
  #holdsLock = false;
  #heard: Moment | undefined;
  /** The last state that `onChange` reported. */
  #told = true;
  #reopened: number | undefined;
  /** Why the last heartbeat failed; undefined when it succeeded. */
  #trouble: Error | undefined;
  /** When other workers released this worker's jobs, in the time of the Postgres server. */
  #releasedAt = Number.NEGATIVE_INFINITY;
  /** True when no job may start any more. The heartbeat may continue. */
  #ended = false;
  #closed = false;
  #loop: Promise<void> = Promise.resolve();
  #watch: NodeJS.Timeout | undefined;
  #wake: () => void = () => {};
  #waiting: (() => void)[] = [];
  #toAnnounce: (() => void)[] = [];
  /** The difference between Postgres's time and the monotonic clock. */
  #offset = Date.now() - performance.now();
  #latest = 0;

  /** The time of the Postgres server, derived from the last heartbeat. It never goes back. */
  readonly clock: Clock = {
    now: () => {
      this.#latest = Math.max(this.#latest, performance.now() + this.#offset);
      return new Date(this.#latest);
    },
  };

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** Sends the first heartbeat and starts the loop. @throws when the first heartbeat fails. */
  async start(): Promise<void> {
    await this.#beat();
    this.#loop = this.#beatOn();
    this.#watch = setInterval(() => this.#tell(), AGAIN_MS);
    this.#watch.unref();
  }

  /** Whether the lease is valid, so that no other worker can have released this worker's jobs. */
  isProven(): boolean {
    return !this.#ended && this.#heard !== undefined && since(this.#heard) < GIVE_UP_AFTER_MS;
  }

  /** Whether other workers have had time to reconnect since this worker lost its connection. */
  isSettled(): boolean {
    return (
      this.isProven() &&
      (this.#reopened === undefined || performance.now() - this.#reopened > RESTART_GRACE_MS)
    );
  }

  /** Resolves when the lease is valid or has ended. */
  async untilProven(): Promise<void> {
    while (!this.#ended && !this.isProven()) {
      this.#tell();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /**
   * Whether this worker still owns a job that it locked at `lockedAt`; false when other workers
   * have released it since. Waits for a valid lease. Never resolves after the lease has ended.
   */
  async holds(lockedAt: Date | null): Promise<boolean> {
    await this.untilProven();
    if (this.#ended) return new Promise(() => {});
    return (lockedAt?.getTime() ?? 0) > this.#releasedAt;
  }

  /**
   * Resolves when Postgres knows that the jobs which run now have begun: after a heartbeat that was
   * sent since this call. If the worker dies then, their attempts count. Never resolves after the
   * lease has ended.
   */
  async announce(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.#toAnnounce.push(resolve) === 1) setTimeout(() => this.#wake(), ANNOUNCE_MS);
    });
  }

  /**
   * Ends the lease: no job and no provider call starts any more. The heartbeat continues until
   * `close`.
   */
  end(): void {
    this.#ended = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Stops the heartbeat and releases the lock. */
  async close(): Promise<void> {
    this.end();
    this.#closed = true;
    clearInterval(this.#watch);
    this.#wake();
    this.#drop();
    // Only opening a connection can take longer, and then no heartbeat follows.
    await Promise.race([this.#loop, new Promise((resolve) => setTimeout(resolve, AGAIN_MS))]);
  }

  async #beatOn(): Promise<void> {
    while (!this.#closed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#pauseMs());
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      if (this.#closed) return;
      const announced = this.#toAnnounce.splice(0);
      try {
        await this.#beat();
        this.#trouble = undefined;
        if (!this.#ended) for (const resolve of announced) resolve();
      } catch (error) {
        this.#toAnnounce.unshift(...announced);
        // A failover first ends the connection; only the next one shows that the server is read-only.
        if (!this.#trouble || isReadOnlyServer(error) !== isReadOnlyServer(this.#trouble))
          this.#options.onTrouble(error as Error);
        this.#trouble = error as Error;
        // After a refused or cancelled statement the connection still works.
        if (isConnectionError(error)) this.#drop();
      }
      this.#tell();
    }
  }

  /** Milliseconds until the next heartbeat. */
  #pauseMs(): number {
    if (this.#trouble) return AGAIN_MS;
    return this.#toAnnounce.length > 0 ? ANNOUNCE_MS : this.#options.everyMs;
  }

  async #beat(): Promise<void> {
    const { workerId, running, onGivenUp } = this.#options;
    const session = this.#session ?? (await this.#open());
    if (!this.#holdsLock) await this.#takeLock(session);
    if (this.#closed) return this.#drop();
    const sent = moment();
    const heard = await beat(session, workerId, running());
    if (!heard) throw new Error(`worker ${workerId} is not registered any more`);
    this.#offset = heard.now.getTime() - (sent.monotonic + performance.now()) / 2;
    if (heard.releasedAt) {
      this.#releasedAt = heard.releasedAt.getTime();
      onGivenUp(heard.releasedAt);
    }
    this.#heard = sent;
    this.#tell();
  }

  async #open(): Promise<Session> {
    const { db, workerId, onControl } = this.#options;
    const session = await db.session(heartbeatName(workerId), {
      statementTimeoutMs: STATEMENT_MS,
      connectTimeoutMs: CONNECT_MS,
    });
    session.on('notification', onControl);
    const lost = () => {
      if (this.#session === session) this.#session = undefined;
    };
    session.on('error', lost);
    session.on('end', lost);
    try {
      // The server also probes the connection; otherwise a host that vanished would hold the lock
      // for hours.
      await session.query(
        `set statement_timeout = ${STATEMENT_MS};
         set tcp_keepalives_idle = 3; set tcp_keepalives_interval = 1; set tcp_keepalives_count = 5;
         listen ${CONTROL_CHANNEL}`,
      );
    } catch (error) {
      session.end().catch(() => {});
      throw error;
    }
    if (this.#heard) this.#reopened = performance.now();
    this.#session = session;
    this.#holdsLock = false;
    onControl();
    return session;
  }

  /** The heartbeat is valid without the lock, so this does not wait for it. */
  async #takeLock(session: Session): Promise<void> {
    const { workerId } = this.#options;
    this.#holdsLock = await holdWorkerLock(session, workerId);
    if (this.#holdsLock) return;
    // The server may still keep this worker's previous connection. A role can always end its own.
    await endFormerConnections(session, workerId).catch(() => {});
  }

  /** Does not wait, because a broken connection may never report its end. */
  #drop(): void {
    const session = this.#session;
    this.#session = undefined;
    session?.end().catch(() => {});
  }

  #tell(): void {
    const proven = this.isProven();
    if (proven) for (const resolve of this.#waiting.splice(0)) resolve();
    if (proven === this.#told || this.#ended) return;
    this.#told = proven;
    this.#options.onChange(proven ? 'proven' : 'lost');
  }
}
