import { ZodError } from 'zod';
import { isConnectionError } from '../lib/db/connection-error.ts';
import { UserError } from '../lib/errors.ts';
import { maskText } from '../lib/mask.ts';
import { ProviderError } from '../lib/providers/errors.ts';
import type { Failure } from '../lib/queue/policy.ts';

/** A failure as the ledger stores it: without stack, secrets and addresses. */
export interface Described extends Failure {
  message: string;
  code: string | undefined;
  httpStatus: number | undefined;
  requestId: string | undefined;
}

/** Extracts from an error what the ledger stores. */
export function describe(error: unknown): Described {
  if (error instanceof ProviderError) {
    return {
      errorClass: error.errorClass,
      retryAfterMs: error.retryAfterMs,
      providerDown: error.providerDown,
      message: maskText(error.message),
      code: error.code,
      httpStatus: error.httpStatus,
      requestId: error.requestId,
    };
  }
  const nothing = { httpStatus: undefined, requestId: undefined };
  if (isConnectionError(error)) {
    return {
      ...nothing,
      errorClass: 'database',
      code: undefined,
      message: 'Postgres was unavailable',
    };
  }
  if (error instanceof ZodError) {
    const where = error.issues
      .map((issue) => `${issue.path.map(String).join('.')}: ${issue.message}`)
      .join('; ');
    return {
      ...nothing,
      errorClass: 'permanent',
      code: 'invalid_payload',
      message: maskText(`invalid payload: ${where}`),
    };
  }
  if (error instanceof UserError) {
    return {
      ...nothing,
      errorClass: 'permanent',
      code: error.code,
      message: maskText(error.message),
    };
  }
  return {
    ...nothing,
    errorClass: 'internal',
    code: undefined,
    message: maskText(messageOf(error)) || 'unknown error',
  };
}

const MAX_FRAMES = 20;

/**
 * The stack frames of an error, for the log. The message is removed: it is logged separately and
 * masked, and its lines may look like frames.
 */
export function framesOf(error: unknown): string[] | undefined {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return undefined;
  const start = error.stack.startsWith(`${error.name}: ${error.message}`)
    ? `${error.name}: ${error.message}`.length
    : 0;
  return error.stack
    .slice(start)
    .split('\n')
    .filter((line) => /^\s+at .+:\d+:\d+\)?$/.test(line))
    .slice(0, MAX_FRAMES)
    .map((line) => maskText(line.trim()));
}

/** Code can throw anything, even values without text. */
function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? String(error.message) : String(error);
  } catch {
    return '';
  }
}
