/**
 * The errors that users can get, by the code that scripts see under `--json`. Any error that is not
 * a `UserError` is a bug: it prints its stack and exits 70. src/commands/exit-codes.ts assigns the
 * exit codes.
 */
export type ErrorCode =
  | 'failed'
  | 'usage'
  | 'not_found'
  | 'confirmation_needed'
  | 'partly_done'
  | 'dependency_down'
  | 'try_again'
  | 'configuration';

/** An error with a message for the person at the terminal. */
export class UserError extends Error {
  override name = 'UserError';
  readonly code: ErrorCode;
  /** What to do about it: a sentence or a command. */
  readonly hint: string | undefined;
  /** What it speaks of, by the name of the field: scripts need not take ids out of the message. */
  readonly about: Readonly<Record<string, string>>;

  constructor(
    code: ErrorCode,
    message: string,
    hint?: string,
    options?: ErrorOptions & { about?: Record<string, string> },
  ) {
    super(message, options);
    this.code = code;
    this.hint = hint;
    this.about = options?.about ?? {};
  }
}

/** The input is invalid, and nothing was done. */
export const usageError = (message: string, hint?: string) => new UserError('usage', message, hint);

/** The object does not exist. */
export const notFound = (message: string, hint?: string) =>
  new UserError('not_found', message, hint);

/** The settings contradict each other or the database. */
export const configurationError = (message: string, hint?: string) =>
  new UserError('configuration', message, hint);

/** Postgres or a provider is unavailable. */
export const dependencyDown = (message: string, hint?: string, cause?: unknown) =>
  new UserError('dependency_down', message, hint, { cause });
