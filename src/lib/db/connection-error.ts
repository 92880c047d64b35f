// Errors that `pg` itself throws have no code.
const PG_MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Client was closed|Query read timeout)/;
// ENOENT: a Unix socket that does not exist means that no server listens there.
const SYSTEM_CODES =
  /^(ECONN|EPIPE|ENOENT$|ENOTFOUND|EAI_|ETIMEDOUT|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN)/;
// https://www.postgresql.org/docs/18/errcodes-appendix.html
// Class 08: connection exception. 57P01-57P03: shut down or starting up. 57P05 and 25P03: idle for
// too long. 53300: too many connections. 25006: a read-only server, which after a failover is the
// old primary.
const SQL_CODES = /^(08|57P0[1235]$|25P03$|53300$|25006$)/;

/** True when Postgres is unavailable or shutting down, false when our SQL is wrong. */
export function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError)
    return error.errors.length > 0 && error.errors.every(isConnectionError);
  const { code } = error as { code?: unknown };
  if (typeof code === 'string' && (SQL_CODES.test(code) || isSystemCode(error, code))) return true;
  return PG_MESSAGES.test(error.message);
}

/** ENOENT counts only for a socket: a missing file does not mean that Postgres is unavailable. */
const isSystemCode = (error: Error, code: string) =>
  SYSTEM_CODES.test(code) &&
  (code !== 'ENOENT' || (error as NodeJS.ErrnoException).syscall === 'connect');

// 53: out of disk, memory or connections. 57014: cancelled by a time limit. 55P03: lock not
// available. 40001 and 40P01: conflict with another transaction. 58030: I/O error.
const PASSING_CODES = /^(53|57014$|55P03$|40001$|40P01$|58030$)/;

/** True when the same work can succeed later, unchanged: Postgres is unavailable, full or busy. */
export function isPassing(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return isConnectionError(error) || (typeof code === 'string' && PASSING_CODES.test(code));
}

/** True when the server refuses writes: a standby, or a primary that was demoted. */
export const isReadOnlyServer = (error: unknown): boolean =>
  (error as { code?: unknown } | null)?.code === '25006';
