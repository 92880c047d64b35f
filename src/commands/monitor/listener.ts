import type { Db, Session } from '../../lib/db/database.ts';
import { type Need, SNAPSHOT_CHANNEL } from '../../lib/monitor/shared.ts';
import { ACTIVITY_CHANNEL, JOBS_ENDED, NEW_JOBS_CHANNEL } from '../../lib/queue/run/activity.ts';
import { CONTROL_CHANNEL } from '../../lib/queue/run/pauses.ts';

export interface ListenerOptions {
  db: Db;
  /** Something has changed. */
  onChange(need: Need): void;
  /** A monitor has taken a snapshot: which one. */
  onSnapshot(by: string | undefined): void;
  /** The connection is gone. */
  onLost(): void;
}

/**
 * The connection on which a monitor receives notifications. The monitor that takes the snapshots listens for
 * everything, the others only for its snapshots.
 */
export class Listener {
  readonly #options: ListenerOptions;
  #session: Session | undefined;
  #opening = false;
  #ended = false;
  #leads = false;
  /** Jobs are being added: their notices, which may be thousands a second, are not listened for. */
  #busy = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** Whether jobs keep coming, so that each new snapshot is out of date at once. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Connects, unless it is connected. */
  open(): void {
    if (this.#session || this.#opening || this.#ended) return;
    this.#opening = true;
    this.#options.db
      .session('donations monitor listens')
      .then((session) => this.#begin(session))
      // Looking fails as well, and says so.
      .catch(() => {})
      .finally(() => {
        this.#opening = false;
      });
  }

  async #begin(session: Session): Promise<void> {
    if (this.#ended) return session.end();
    this.#session = session;
    this.#busy = false;
    const lost = () => {
      if (this.#session !== session) return;
      this.#session = undefined;
      if (!this.#ended) this.#options.onLost();
    };
    session.on('error', lost);
    session.on('end', lost);
    session.on('notification', ({ channel, payload }) => this.#hear(channel, payload));
    await session.query(`listen ${SNAPSHOT_CHANNEL}`).catch(lost);
    if (this.#leads) this.#listenToAll();
  }

  #hear(channel: string, payload: string | undefined): void {
    if (channel === SNAPSHOT_CHANNEL) this.#options.onSnapshot(payload);
    else if (channel === NEW_JOBS_CHANNEL) this.setBusy(true);
    // A notification may still arrive after this monitor has stopped listening.
    else if (this.#leads) this.#options.onChange(payload === JOBS_ENDED ? 'jobs' : 'change');
  }

  /** Whether this monitor takes the snapshots. */
  lead(leads: boolean): void {
    if (leads === this.#leads) return;
    this.#leads = leads;
    this.#busy = false;
    if (leads) this.#listenToAll();
    else this.#run(CHANNELS.map((channel) => `unlisten "${channel}"`));
  }

  #listenToAll(): void {
    // Changes before this moment were not notified.
    this.#run(
      CHANNELS.map((channel) => `listen "${channel}"`),
      () => this.#options.onChange('jobs'),
    );
  }

  /** Whether jobs are being added. While none are, the monitor listens, so that it sees the first one at once. */
  setBusy(busy: boolean): void {
    if (!this.#leads) return;
    if (busy !== this.#busy) this.#run([`${busy ? 'unlisten' : 'listen'} "${NEW_JOBS_CHANNEL}"`]);
    this.#busy = busy;
    if (busy) this.#options.onChange('jobs');
  }

  #run(statements: string[], done: () => void = () => {}): void {
    // If it fails, the connection is lost, which is reported elsewhere.
    this.#session?.query(statements.join('; ')).then(done, () => {});
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#session?.end().catch(() => {});
  }
}

const CHANNELS = [ACTIVITY_CHANNEL, CONTROL_CHANNEL, NEW_JOBS_CHANNEL];
