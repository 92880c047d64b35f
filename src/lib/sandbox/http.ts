import type { IncomingHttpHeaders } from 'node:http';

/** One request to a double, its body read whole. */
export interface SandboxRequest {
  method: string;
  /** Without the query. */
  path: string;
  /** Without the question mark. */
  query: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** What a double answers; the faults may still spoil it on its way. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** What goes wrong inside the provider while it works on a request. */
export interface Trouble {
  latencyMs: number;
  /** `before`: it fails before it has done anything; `after`: it does its work and fails then. */
  error: 'before' | 'after' | undefined;
}

/** Refusals that say nothing about the request itself. */
export type Refusal = 'unauthorized' | 'forbidden' | 'conflicts' | 'unavailable' | 'rateLimited';

/** A provider double, as the server sees it. */
export interface Double {
  handle(request: SandboxRequest, trouble: Trouble): Promise<Answer>;
  refuse(refusal: Refusal, retryAfterMs: number): Answer;
}

/** An answer in JSON. */
export function json(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(value),
  };
}
