/**
 * Milliseconds that a provider asks us to wait: `Retry-After` in seconds or as an HTTP date (RFC 9110,
 * section 10.2.3), else SendGrid's `X-RateLimit-Reset` in Unix seconds. Undefined when it asks for nothing.
 *
 * A date is compared with the answer's own `Date`, since the clock of this machine may be wrong. Only
 * an answer without one is measured by our clock.
 *
 * @param headers with names in lower case
 */
export function retryAfterMs(headers: Record<string, unknown>, now: Date): number | undefined {
  const said = Date.parse(text(headers, 'date'));
  const nowMs = Number.isNaN(said) ? now.getTime() : said;
  const after = text(headers, 'retry-after');
  const fromAfter = /^\d+$/.test(after) ? Number(after) * 1000 : Date.parse(after) - nowMs;
  const reset = text(headers, 'x-ratelimit-reset');
  const fromReset = /^\d+$/.test(reset) ? Number(reset) * 1000 - nowMs : Number.NaN;
  const asked = [fromAfter, fromReset].find(Number.isFinite);
  return asked === undefined ? undefined : Math.max(0, asked);
}

const text = (headers: Record<string, unknown>, name: string) => String(headers[name] ?? '').trim();
