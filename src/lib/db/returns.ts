import { setTimeout as sleep } from 'node:timers/promises';
import { isConnectionError, isPassing, isReadOnlyServer } from './connection-error.ts';
import type { Db } from './database.ts';

/** The interval of reconnection attempts while Postgres is unavailable. */
const RECONNECT_MS = 500;
const ASK_LIMITS = { statementTimeoutMs: 1000, connectTimeoutMs: 2000 };

/**
 * Resolves when Postgres accepts writes again, or when `givenUp` returns true. Each check uses a new
 * connection: after a failover the old ones still lead to the former primary.
 */
export async function databaseReturns(db: Db, givenUp: () => boolean = () => false): Promise<void> {
  while (!givenUp()) {
    await sleep(RECONNECT_MS);
    try {
      if (await takesChanges(db)) return;
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
  }
}

/**
 * Repeats the work as long as it fails because Postgres is unavailable.
 * @param wait resolves when the work may be tried again.
 */
export async function untilDone<T>(
  work: () => Promise<T>,
  wait: (error: unknown) => Promise<void>,
): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error)) throw error;
      await wait(error);
    }
  }
}

/** Describes why Postgres cannot be used. */
export function describeOutage(error: unknown): string {
  if (isReadOnlyServer(error)) return 'Postgres is read-only now (a failover?)';
  if (isConnectionError(error)) return 'Postgres is unavailable';
  return `Postgres refuses: ${(error as Error).message}`;
}

async function takesChanges(db: Db): Promise<boolean> {
  const session = await db.session('donations worker connection check', ASK_LIMITS);
  try {
    const { rows } = await session.query<{ transaction_read_only: string }>(
      'show transaction_read_only',
    );
    return rows[0]?.transaction_read_only === 'off';
  } finally {
    session.end().catch(() => {});
  }
}
