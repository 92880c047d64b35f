import { CommanderError } from 'commander';
import { isConnectionError, isReadOnlyServer } from '../lib/db/connection-error.ts';
import { describeDatabase } from '../lib/db/describe.ts';
import { type ErrorCode, UserError } from '../lib/errors.ts';
import { ID_PREFIXES } from '../lib/ids.ts';
import { toJson } from '../lib/output/render.ts';
import { cutText } from '../lib/output/width.ts';
import type { ErrorClass } from '../lib/providers/errors.ts';
import { safeLine } from '../lib/text.ts';
import type { Context } from './context.ts';

/** A reported error. */
export interface ErrorReport {
  code: ErrorCode | 'bug';
  message: string;
  hint: string | undefined;
  /** The ids in the message. */
  about?: Readonly<Record<string, string>>;
}

// Recognised by name and imported as a type only, so that the provider's module is not loaded for
// every command.
type ProviderFailure = Error & { errorClass: ErrorClass; provider: string };
const isProviderError = (error: unknown): error is ProviderFailure =>
  error instanceof Error && error.name === 'ProviderError';

/** The codes of the operating system for files that this account may not use. */
const FORBIDDEN = new Set<unknown>(['EACCES', 'EPERM', 'EROFS']);

const PROVIDER_CODES: Record<ErrorClass, ErrorCode> = {
  transient: 'dependency_down',
  rate_limited: 'try_again',
  permanent: 'failed',
  unknown_outcome: 'try_again',
  misconfigured: 'configuration',
};

// https://www.postgresql.org/docs/18/errcodes-appendix.html
const SQL_CODES: Record<string, ErrorCode> = {
  '28P01': 'configuration',
  '28000': 'configuration',
  '3D000': 'configuration',
  '42501': 'configuration',
  '40001': 'try_again',
  '40P01': 'try_again',
  '55P03': 'try_again',
  '57014': 'try_again',
};

/**
 * Explains the error that ended a command; undefined for requested help. An unexpected error is a
 * bug and is reported with its stack.
 */
export async function explain(error: unknown, context: Context): Promise<ErrorReport | undefined> {
  if (error instanceof CommanderError) return explainUsage(error, context.args);
  if (error instanceof UserError)
    return { code: error.code, message: error.message, hint: error.hint, about: error.about };
  if (isProviderError(error)) {
    return {
      code: PROVIDER_CODES[error.errorClass],
      message: error.message,
      hint: 'Find out what is wrong: donations doctor',
    };
  }
  const { code, port, path } = error as { code?: unknown; port?: unknown; path?: unknown };
  if (typeof path === 'string' && FORBIDDEN.has(code)) {
    const { dataDir } = await context.connection();
    return path.startsWith(dataDir)
      ? {
          code: 'configuration',
          message: `the data directory ${dataDir} belongs to another account, or this account may not use it (${code}: ${path})`,
          hint: 'Run donations as its owner, or choose another directory: DONATIONS_DATA_DIR.',
        }
      : { code: 'configuration', message: `${path} cannot be used (${code})`, hint: undefined };
  }
  if (code === 'EADDRINUSE') {
    return {
      code: 'failed',
      message: `port ${port} is in use`,
      hint: 'Choose another with --port.',
    };
  }
  if (isConnectionError(error)) {
    const { where, hint } = describeDatabase(await context.connection());
    if (isReadOnlyServer(error)) {
      return {
        code: 'dependency_down',
        message: `Postgres at ${where} is read-only: it is a standby, or a failover is in progress`,
        hint: 'Try again in a moment. If it stays read-only, set DATABASE_URL to the primary.',
      };
    }
    const why = explainSilence((error as Error).message) || String(code);
    return {
      code: 'dependency_down',
      message: `Postgres at ${where} cannot be reached: ${why}`,
      hint,
    };
  }
  const known = typeof code === 'string' ? SQL_CODES[code] : undefined;
  if (known) {
    const { where, hint } = describeDatabase(await context.connection());
    return {
      code: known,
      message: `Postgres at ${where} refuses: ${(error as Error).message}`,
      hint,
    };
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: 'bug', message: stack, hint: undefined };
}

const explainSilence = (message: string) =>
  message === 'Query read timeout' ? 'it did not answer in time' : message;

function explainUsage(error: CommanderError, args: string[]): ErrorReport | undefined {
  if (error.exitCode === 0) return undefined;
  const words = args.filter((arg) => !arg.startsWith('-'));
  // Commander has printed the help of a noun without a verb.
  if (error.code === 'commander.help') {
    return {
      code: 'usage',
      message: `${['donations', ...words].join(' ')} needs a command`,
      hint: undefined,
    };
  }
  const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  return {
    code: 'usage',
    message,
    hint: suggestion?.replace(/^\(|\)$/g, '') ?? 'The command’s help has examples: add --help.',
  };
}

const NUMBERS = { job: /\bjob (\d+)\b/g, number: /\breceipt ([^\s"]+-\d{6,})\b/g };

/** The ids in a message by the names of the fields, if there is one of the kind. */
function idsIn(text: string): Record<string, unknown> {
  const patterns = [
    ...Object.entries(ID_PREFIXES).map(
      ([kind, prefix]) => [kind, new RegExp(`\\b(${prefix}_[0-9a-z]{26})\\b`, 'g')] as const,
    ),
    ...Object.entries(NUMBERS),
  ];
  return Object.fromEntries(
    patterns.flatMap(([name, pattern]) => {
      const found = new Set([...text.matchAll(pattern)].map(([, id]) => id as string));
      if (found.size !== 1) return [];
      const [id] = found;
      return [[name, name === 'donor' ? { id } : id]];
    }),
  );
}

/** Longer messages are cut; the stack of a bug is printed completely. */
const MAX_MESSAGE = 1000;
const MAX_LINES = 20;

/** Formats a failure for stderr: a message and a hint, or one JSON object. */
export function formatFailure({ code, message, hint, about }: ErrorReport, json: boolean): string {
  const text = `${message}\n${hint ?? ''}`;
  if (json)
    return toJson({ error: { code, message, hint: hint ?? null, ...idsIn(text), ...about } });
  if (code === 'bug') return `donations: this is a bug, please report it:\n${message}`;
  const cut = (line: string) => cutText(safeLine(line.slice(0, MAX_MESSAGE * 2)), MAX_MESSAGE);
  const lines = [`donations: ${cut(message)}`, ...(hint?.split('\n').map(cut) ?? [])];
  return lines.slice(0, MAX_LINES).join('\n  ');
}
