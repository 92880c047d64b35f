import { maskText } from '../../mask.ts';

/** A route did not take a message. Its text is safe to keep and to show. */
export class RouteFailure extends Error {
  override name = 'RouteFailure';
}

/** Why a delivery failed, without secrets. */
export function reasonOf(error: unknown): string {
  if (error instanceof RouteFailure) return error.message;
  const { name, code, cause } = error as { name?: string; code?: unknown; cause?: unknown };
  if (name === 'TimeoutError' || name === 'AbortError') return 'no answer in time';
  // Never the message: it may name the address, which is as good as a key.
  const inner = (cause as { code?: unknown } | undefined)?.code ?? code;
  return typeof inner === 'string' ? maskText(inner) : 'it could not be reached';
}
