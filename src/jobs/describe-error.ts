import { ZodError } from 'zod';
import { isConnectionError } from '../lib/db/connection-error.ts';
import { UserError } from '../lib/errors.ts';
import { maskText } from '../lib/mask.ts';
import { ProviderError } from '../lib/providers/errors.ts';
import type { Failure } from '../lib/queue/policy.ts';

/** A failure as the ledger keeps it: no stack, no secrets, no addresses. */
export interface Described extends Failure {
  message: string;
  code: string | undefined;
  httpStatus: number | undefined;
  requestId: string | undefined;
}

/** What is kept of an error that ended an attempt. */
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
    return { ...nothing, errorClass: 'database', code: undefined, message: 'Postgres went away' };
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
 * Where an error happened, for the log: the frames of its stack. Its message is not among them: it
 * is told beside them, masked, and may have lines that look like frames.
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

/** Anything may be thrown, also what has no text. */
function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? String(error.message) : String(error);
  } catch {
    return '';
  }
}
