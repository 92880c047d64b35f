import type { Queryable } from '../../db/database.ts';

/** The channel on which monitors hear that something has happened in the queue. */
export const ACTIVITY_CHANNEL = 'donations_activity';

/** The payload of a notification about jobs. Others name their table. */
export const JOBS_ENDED = 'jobs';

/**
 * The channel on which Graphile Worker notifies each new job, or each call that adds many.
 * https://worker.graphile.org/docs/schema
 */
export const NEW_JOBS_CHANNEL = 'jobs:insert';

/** The delay of a notice: long enough to apply a verdict, and for many jobs to share one notice. */
const TELL_AFTER_MS = 200;

/**
 * Tells monitors that jobs have ended: at most some times a second however many, and in a statement
 * of its own, since a NOTIFY in each commit would make the commits wait for one another.
 */
export class Activity {
  readonly #db: Queryable;
  #timer: NodeJS.Timeout | undefined;

  constructor(db: Queryable) {
    this.#db = db;
  }

  /** Something has happened. */
  touch(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      // A monitor also polls slowly: without a notice it only sees the change later.
      this.#db
        .query('select pg_notify($1, $2)', [ACTIVITY_CHANNEL, JOBS_ENDED], 'tell_activity')
        .catch(() => {});
    }, TELL_AFTER_MS);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
