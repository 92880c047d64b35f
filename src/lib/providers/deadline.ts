/** Thrown when a call took longer than its deadline. */
export class DeadlineError extends Error {
  override name = 'DeadlineError';
}

/**
 * Gives a call until its deadline. The SDKs' own time-outs are of the idle socket, which an answer
 * that drips byte by byte passes for ever.
 */
export async function withDeadline<T>(ms: number, call: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(`no answer within ${ms} ms`)), ms);
  });
  const result = call();
  // When the deadline wins, the call's own failure is nobody's.
  result.catch(() => {});
  try {
    return await Promise.race([result, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** Milliseconds that a provider's headers ask us to wait; undefined when they ask for nothing. */
export function retryAfterMs(headers: Record<string, unknown> | undefined, now: Date): number | undefined {
  const after = headers?.['retry-after'];
  if (typeof after === 'string' && after !== '') {
    // Seconds or an HTTP date: RFC 9110, section 10.2.3.
    const ms = /^\d+$/.test(after) ? Number(after) * 1000 : Date.parse(after) - now.getTime();
    if (Number.isFinite(ms)) return Math.max(0, ms);
  }
  const reset = Number(headers?.['x-ratelimit-reset']);
  return Number.isFinite(reset) && reset > 0 ? Math.max(0, reset * 1000 - now.getTime()) : undefined;
}

/** Socket errors that prove that the request never left: nothing was asked, so nothing was done. */
export const NOT_SENT_CODES = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'];

/** Certificate trouble: no request left, and none will until somebody mends it. */
export const isCertificateCode = (code: string | undefined) =>
  code !== undefined && /^(CERT_|ERR_TLS_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/.test(code);
