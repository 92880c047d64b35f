/**
 * Milliseconds that a provider asks us to wait: `Retry-After` in seconds or as an HTTP date (RFC 9110,
 * section 10.2.3), else SendGrid's `X-RateLimit-Reset` in Unix seconds. Undefined when it asks for nothing.
 *
 * @param headers with names in lower case
 */
export function retryAfterMs(headers: Record<string, unknown>, now: Date): number | undefined {
  const after = String(headers['retry-after'] ?? '').trim();
  const fromAfter = /^\d+$/.test(after) ? Number(after) * 1000 : Date.parse(after) - now.getTime();
  const reset = String(headers['x-ratelimit-reset'] ?? '').trim();
  const fromReset = /^\d+$/.test(reset) ? Number(reset) * 1000 - now.getTime() : Number.NaN;
  const asked = [fromAfter, fromReset].find(Number.isFinite);
  return asked === undefined ? undefined : Math.max(0, asked);
}
