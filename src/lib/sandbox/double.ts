import type { HttpAnswer, HttpRequest } from '../http/server.ts';

/** One request to a double, its body read whole. */
export type SandboxRequest = Omit<HttpRequest, 'body'> & { body: string };

/** What a double answers. A fault may still change it, or keep it back. */
export type Answer = Required<HttpAnswer>;

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
