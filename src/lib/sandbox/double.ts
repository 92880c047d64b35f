import type { HttpAnswer, HttpRequest } from '../http/server.ts';

/** One request to a double with its whole body. */
export type SandboxRequest = Omit<HttpRequest, 'body'> & { body: string };

/** The answer of a double, before faults change or suppress it. */
export type Answer = Required<HttpAnswer>;

/** A failure inside the provider while it processes a request. */
export interface Trouble {
  latencyMs: number;
  /**
   * `before`: it fails before it has done anything. `after`: it fails after it has done its work.
   */
  error: 'before' | 'after' | undefined;
}

/** Refusals that do not depend on the request. */
export type Refusal = 'unauthorized' | 'forbidden' | 'conflicts' | 'unavailable' | 'rateLimited';

/** A provider double, for the server. */
export interface Double {
  handle(request: SandboxRequest, trouble: Trouble): Promise<Answer>;
  refuse(refusal: Refusal, retryAfterMs: number): Answer;
}
