import type { Db } from '../../lib/db/database.ts';
import type { Session } from './state.ts';

/** What the monitor looks through. */
export interface Opened {
  /** Connections of its own. */
  db: Db;
  session: Session;
  /** Of each statement. */
  timeoutMs: number;
}
