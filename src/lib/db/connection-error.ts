// What `pg` throws of its own has no code.
const PG_MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Client was closed|Query read timeout)/;
// A Unix socket that is not there is a server that is not there.
const SYSTEM_CODES =
  /^(ECONN|EPIPE|ENOENT$|ENOTFOUND|EAI_|ETIMEDOUT|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN)/;
// https://www.postgresql.org/docs/18/errcodes-appendix.html
// Class 08 connection exception, 57P01-57P03 shut down or starting up, 57P05 and 25P03 a connection
// that was idle for too long, 53300 too many connections, 25006 a server that only reads: after a
// failover, until the address leads to the new primary.
const SQL_CODES = /^(08|57P0[1235]$|25P03$|53300$|25006$)/;

/** True when the error is Postgres being away or going away, not our SQL being wrong. */
export function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError)
    return error.errors.length > 0 && error.errors.every(isConnectionError);
  const { code } = error as { code?: unknown };
  if (typeof code === 'string' && (SQL_CODES.test(code) || isSystemCode(error, code))) return true;
  return PG_MESSAGES.test(error.message);
}

/** A file that is missing (ENOENT with a path and no socket) is not Postgres being away. */
const isSystemCode = (error: Error, code: string) =>
  SYSTEM_CODES.test(code) &&
  (code !== 'ENOENT' || (error as NodeJS.ErrnoException).syscall === 'connect');

// 53 out of disk, memory or connections; 57014 cancelled by a time limit, 55P03 a lock was not to be
// had, 40001 and 40P01 another transaction was in the way, 58030 an input or output error.
const PASSING_CODES = /^(53|57014$|55P03$|40001$|40P01$|58030$)/;

/** True when the same work may well succeed later, unchanged: Postgres is away, full, or busy. */
export function isPassing(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return isConnectionError(error) || (typeof code === 'string' && PASSING_CODES.test(code));
}

/** True when the server answers but takes no changes: a standby, or a primary that was demoted. */
export const isReadOnlyServer = (error: unknown): boolean =>
  (error as { code?: unknown } | null)?.code === '25006';
