import { UserError } from '../errors.ts';
import type { Db, Queryable } from './database.ts';

// https://www.postgresql.org/docs/18/errcodes-appendix.html: query_canceled
const CANCELED = '57014';

/** Compiling our queries takes longer than they do. */
export const NO_JIT = 'set local jit = off';

/**
 * Reads, and only that, in one snapshot: no statement may take longer than `timeoutMs`.
 * @throws UserError `try_again` when one did.
 */
export async function readWithin<T>(
  db: Db,
  timeoutMs: number,
  work: (tx: Queryable) => Promise<T>,
): Promise<T> {
  try {
    return await db.transaction(
      async (tx) => {
        // The settings must come before the first query, and take no parameters.
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
      `Postgres was stopped after ${timeoutMs / 1000} s: too much to read`,
      'Narrow it down (task:…, since:1h), or allow more time: DONATIONS_QUEUE_READ_TIMEOUT_MS.',
    );
  }
}
