import { RouteFailure } from './failure.ts';

/** Posts JSON. Redirects are not followed: what is posted goes nowhere else. */
export async function postJson(
  url: string,
  body: string,
  signal: AbortSignal,
  headers: Record<string, string> = {},
): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body,
    redirect: 'error',
    signal,
  });
  await response.body?.cancel();
  if (!response.ok) throw new RouteFailure(`answered ${response.status}`);
}
