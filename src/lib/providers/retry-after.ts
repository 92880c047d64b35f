/**
 * The wait in milliseconds that a provider asks for: `Retry-After` in seconds or as an HTTP date
 * (RFC 9110, section 10.2.3), else SendGrid's `X-RateLimit-Reset` in Unix seconds. Undefined when
 * neither is present.
 *
 * A date is compared with the answer's own `Date`, because the clock of this machine may be wrong.
 * Our clock is used only when the answer has no `Date`.
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
