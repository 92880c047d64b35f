import { isConnectionError } from '../../lib/db/connection-error.ts';
import { UserError } from '../../lib/errors.ts';

/** The message for an error of a change or a view. */
export function explained(error: unknown): string {
  if (error instanceof UserError) {
    const hint = error.hint?.replaceAll('\n', ' ');
    return hint ? `${error.message}. ${hint}` : error.message;
  }
  if (error instanceof Error) return error.message || error.name;
  return String(error);
}

/** Whether an error comes from Postgres or the network. Any other error is a bug. */
export const isFromDatabase = (error: unknown) =>
  isConnectionError(error) || error instanceof UserError || isSqlError(error);

const isSqlError = (error: unknown) =>
  /^[0-9A-Z]{5}$/.test(String((error as { code?: unknown }).code ?? ''));
