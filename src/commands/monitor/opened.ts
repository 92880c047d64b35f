import type { Db } from '../../lib/db/database.ts';
import type { Past, Session } from './state.ts';

/** What the monitor looks through. */
export interface Opened {
  /** Connections of its own. */
  db: Db;
  session: Session;
  /** Of each statement. */
  timeoutMs: number;
  /** The moment of the past that it is opened on. */
  past: Past | undefined;
}
