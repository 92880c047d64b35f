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
      .map((issue) => `${issue.path.join('.')}: ${issue.message}`)
      .join('; ');
    return {
      ...nothing,
      errorClass: 'permanent',
      code: 'invalid_payload',
      message: `invalid payload: ${where}`,
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
  const message = error instanceof Error ? error.message : String(error);
  return {
    ...nothing,
    errorClass: 'internal',
    code: undefined,
    message: maskText(message) || 'unknown error',
  };
}
