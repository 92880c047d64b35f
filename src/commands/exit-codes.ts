import type { ErrorCode } from '../lib/errors.ts';

/**
 * All exit codes and their meaning. `donations help exit-codes` prints this table.
 */
export const EXIT_CODES = [
  { code: 0, meaning: 'ok' },
  { code: 1, meaning: 'failed or unhealthy: a declined card, a failing check' },
  { code: 2, meaning: 'usage: an argument or option is invalid' },
  { code: 3, meaning: 'not found' },
  { code: 4, meaning: 'confirmation needed or declined' },
  { code: 5, meaning: 'partly done: some rows were rejected' },
  { code: 69, meaning: 'a dependency is down: Postgres or a provider cannot be reached' },
  { code: 70, meaning: 'a bug in donations: please report it with the stack shown' },
  {
    code: 75,
    meaning: 'try again later: the outcome is not known yet, or another process is working on it',
  },
  { code: 78, meaning: 'configuration: a setting is missing, wrong, or does not fit the database' },
  { code: 130, meaning: 'interrupted (SIGINT)' },
  { code: 143, meaning: 'terminated (SIGTERM)' },
] as const;

/** The exit code of each kind of error. */
export const EXIT_CODE_OF: Record<ErrorCode | 'bug', number> = {
  failed: 1,
  usage: 2,
  not_found: 3,
  confirmation_needed: 4,
  partly_done: 5,
  dependency_down: 69,
  bug: 70,
  try_again: 75,
  configuration: 78,
};
