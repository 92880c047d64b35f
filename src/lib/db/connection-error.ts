/** True when the error is Postgres being away or going away, not our SQL being wrong. */
export function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError)
    return error.errors.length > 0 && error.errors.every(isConnectionError);
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string') {
    // Class 08 connection exception, 57P01-57P03 shut down or starting up, 53300 too many connections.
    if (/^08|^57P0[123]$|^53300$/.test(code)) return true;
    if (/^(ECONN|EPIPE|ENOTFOUND|EAI_|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)/.test(code)) return true;
  }
  // What `pg` throws of its own has no code.
  return /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed)/.test(
    error.message,
  );
}
