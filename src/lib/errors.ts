/**
 * What can go wrong for a user, each with the name that scripts see under `--json`.
 * Anything that is not a `UserError` is a bug: it shows its stack and exits 70.
 * The exit code of each is decided in one place, src/commands/exit-codes.ts.
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

/** An error whose one line is meant for the person at the terminal. */
export class UserError extends Error {
  override name = 'UserError';
  readonly code: ErrorCode;
  /** What to do about it, as a sentence or a command. */
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

/** The input cannot be right: nothing was done. */
export const usageError = (message: string, hint?: string) => new UserError('usage', message, hint);

/** No such thing. */
export const notFound = (message: string, hint?: string) =>
  new UserError('not_found', message, hint);

/** The settings contradict each other or the database. */
export const configurationError = (message: string, hint?: string) =>
  new UserError('configuration', message, hint);

/** Postgres or a provider cannot be reached. */
export const dependencyDown = (message: string, hint?: string, cause?: unknown) =>
  new UserError('dependency_down', message, hint, { cause });
