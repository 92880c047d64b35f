import { performance } from 'node:perf_hooks';
import type { Clock } from '../../clock.ts';
import { isConnectionError } from '../../db/connection-error.ts';
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
  /** Milliseconds from one heartbeat to the next. */
  everyMs: number;
  /** What runs now, for the heartbeat to tell. */
  running: () => RunningJob[];
  /** Pauses may have changed: told by Postgres, or missed while the connection was away. */
  onControl: () => void;
  /** The heartbeat failed; told at the first of several in a row. */
  onTrouble: (error: Error) => void;
  /** Whether this worker may begin jobs has changed. */
  onChange: (change: 'lost' | 'proven') => void;
  /** Others took this worker for dead at this time and released its jobs; it is alive again. */
  onGivenUp: (at: Date) => void;
}

/** How soon a heartbeat that failed is tried again. */
const AGAIN_MS = 500;
/** A heartbeat's statement may take this long; its answer is waited for a second longer. */
const STATEMENT_MS = 1000;
const CONNECT_MS = 2000;

/**
 * A moment by both clocks: the monotonic one, which nobody sets but which stands still while the
 * host is suspended, and the one on the wall.
 */
interface Moment {
  monotonic: number;
  wall: number;
}
const moment = (): Moment => ({ monotonic: performance.now(), wall: Date.now() });
/** The longer of the times that the clocks say have gone by: doubt costs a heartbeat, not a mail. */
const since = ({ monotonic, wall }: Moment) =>
  Math.max(performance.now() - monotonic, Date.now() - wall);

/**
 * A worker's proof that it is alive: a heartbeat in a loop of its own, on a connection of its own,
 * which depends on nothing else. A heartbeat counts from the moment before it was sent, so that
 * whoever judges by the time at which Postgres wrote it judges later than the worker itself. When
 * the last one is `GIVE_UP_AFTER_MS` old the worker begins nothing until one comes through.
 *
 * The connection holds the worker's session lock, and hears of pauses.
 */
export class Lease {
  readonly #options: LeaseOptions;
  #session: Session | undefined;
  #holdsLock = false;
  #heard: Moment | undefined;
  /** Whether it was told last that jobs may begin. */
  #told = true;
  #reopened: number | undefined;
  #failing = false;
  /** When others released this worker's jobs, by Postgres's clock. */
  #releasedAt = Number.NEGATIVE_INFINITY;
  /** No job begins any more; the heartbeat may go on. */
  #ended = false;
  #closed = false;
  #loop: Promise<void> = Promise.resolve();
  #watch: NodeJS.Timeout | undefined;
  #wake: () => void = () => {};
  #waiting: (() => void)[] = [];
  /** Postgres's time at a reading of the monotonic clock. */
  #offset = Date.now() - performance.now();
  #latest = 0;

  /** Postgres's time, as the last heartbeat told it. It never goes back. */
  readonly clock: Clock = {
    now: () => {
      this.#latest = Math.max(this.#latest, performance.now() + this.#offset);
      return new Date(this.#latest);
    },
  };

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** The first heartbeat, and then one after the other. @throws when the first fails. */
  async start(): Promise<void> {
    await this.#beat();
    this.#loop = this.#beatOn();
    this.#watch = setInterval(() => this.#tell(), AGAIN_MS);
    this.#watch.unref();
  }

  /** Whether nobody can have taken this worker for dead since its last heartbeat. */
  isProven(): boolean {
    return !this.#ended && this.#heard !== undefined && since(this.#heard) < GIVE_UP_AFTER_MS;
  }

  /** Whether others have had time to come back since this worker lost its connection. */
  isSettled(): boolean {
    return (
      this.isProven() &&
      (this.#reopened === undefined || performance.now() - this.#reopened > RESTART_GRACE_MS)
    );
  }

  /** Resolves when this worker is proven to be alive, or has ended. */
  async untilProven(): Promise<void> {
    while (!this.#ended && !this.isProven()) {
      this.#tell();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /**
   * Whether a job that was locked at this time is this worker's still, so that nobody else can have
   * it; false when others have released it since. Waits for proof; once the worker has ended there
   * is none, and no answer.
   */
  async holds(lockedAt: Date | null): Promise<boolean> {
    await this.untilProven();
    if (this.#ended) return new Promise(() => {});
    return (lockedAt?.getTime() ?? 0) > this.#releasedAt;
  }

  /** Nothing begins from here on, at a provider neither. The heartbeat goes on until `close`. */
  end(): void {
    this.#ended = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Ends the heartbeat and lets go of the lock. */
  async close(): Promise<void> {
    this.end();
    this.#closed = true;
    clearInterval(this.#watch);
    this.#wake();
    this.#drop();
    // Only a connection that is being opened keeps it longer, and then no heartbeat follows.
    await Promise.race([this.#loop, new Promise((resolve) => setTimeout(resolve, AGAIN_MS))]);
  }

  async #beatOn(): Promise<void> {
    while (!this.#closed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#failing ? AGAIN_MS : this.#options.everyMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      if (this.#closed) return;
      try {
        await this.#beat();
        this.#failing = false;
      } catch (error) {
        if (!this.#failing) this.#options.onTrouble(error as Error);
        this.#failing = true;
        // A statement that was refused or cancelled leaves a connection that works.
        if (isConnectionError(error)) this.#drop();
      }
      this.#tell();
    }
  }

  async #beat(): Promise<void> {
    const { workerId, running, onGivenUp } = this.#options;
    const session = this.#session ?? (await this.#open());
    if (!this.#holdsLock) await this.#takeLock(session);
    if (this.#closed) return this.#drop();
    const sent = moment();
    const heard = await beat(session, workerId, running());
    if (!heard) throw new Error(`worker ${workerId} is not on record any more`);
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
      // The other way round as well: a host that vanished must not hold the lock for hours.
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

  /** The lock is worth having, not worth waiting for: the heartbeat counts without it. */
  async #takeLock(session: Session): Promise<void> {
    const { workerId } = this.#options;
    this.#holdsLock = await holdWorkerLock(session, workerId);
    if (this.#holdsLock) return;
    // The server believes that the connection before lives. A role may always end its own.
    await endFormerConnections(session, workerId).catch(() => {});
  }

  /** Without waiting: a connection that broke may never say that it has ended. */
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
