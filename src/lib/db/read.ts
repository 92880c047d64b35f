import { UserError } from '../errors.ts';
import type { Db, Queryable } from './database.ts';

// https://www.postgresql.org/docs/18/errcodes-appendix.html: query_canceled
const CANCELED = '57014';

/** For our queries, JIT compilation takes longer than execution. */
export const NO_JIT = 'set local jit = off';

/**
 * Runs `work` in a read-only transaction on one snapshot, with a limit of `timeoutMs` a statement.
 * @throws UserError `try_again` when a statement exceeds the limit.
 */
export async function readWithin<T>(
  db: Db,
  timeoutMs: number,
  work: (tx: Queryable) => Promise<T>,
): Promise<T> {
  try {
    return await db.transaction(
      async (tx) => {
        // The settings must come before the first query, and cannot take parameters.
        await tx.query(
          `set transaction isolation level repeatable read read only;
           ${NO_JIT}`,
        );
        return work(tx);
      },
      { statementTimeoutMs: timeoutMs },
    );
  } catch (error) {
    if ((error as { code?: string }).code !== CANCELED) throw error;
    throw new UserError(
      'try_again',
      `the query was cancelled after ${timeoutMs / 1000} s, because it reads too much`,
      'Narrow the selection (task:…, since:1h), or allow more time: DONATIONS_QUEUE_READ_TIMEOUT_MS.',
    );
  }
}
