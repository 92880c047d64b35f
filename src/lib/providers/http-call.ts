import { Agent, buildConnector, type Dispatcher } from 'undici';

export interface Call {
  method: 'GET' | 'POST';
  /** The path below the base URL: `/v3/scopes`. */
  path: string;
  body?: object | undefined;
}

/** An HTTP answer with header names in lower case and the body as text. */
export interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: string;
}

/** No status was received within the time limit of the call. */
export class DeadlineError extends Error {
  override name = 'DeadlineError';
}

// Enough for every error text and every list of scopes.
const MAX_BODY_BYTES = 64 * 1024;
// Shorter than the keep-alive of servers: when a server closes a connection just as a request is
// sent, the outcome is unknown.
const IDLE_SOCKET_MS = 4000;

/**
 * Makes HTTP calls with one time limit, from the start of the call to the last byte of its answer.
 * Bodies are JSON. (Uses undici's `dispatch`, because its `request` makes a stream and an abort signal
 * for each call, which took a tenth of the worker's time.)
 *
 * @returns a function that resolves with the answer, whatever its status. The answer counts as soon
 *   as its status has arrived: if the body breaks off, the part of it that arrived is returned. It
 *   rejects with undici's error, or with DeadlineError. An error that occurs before the connection is
 *   ready has `syscall: 'connect'`, which proves that nothing was sent.
 */
export function httpCaller({
  baseUrl,
  headers,
  timeoutMs,
}: {
  baseUrl: string;
  headers: Record<string, string>;
  timeoutMs: number;
}): (call: Call) => Promise<Answer> {
  const { origin, pathname } = new URL(baseUrl);
  const prefix = pathname.replace(/\/+$/, '');
  const agent = connections(timeoutMs / 2);
  return ({ method, path, body }) =>
    new Promise((resolve, reject) => {
      let begun: Dispatcher.DispatchController | undefined;
      let answer: Omit<Answer, 'body'> | undefined;
      const chunks: Buffer[] = [];
      let bytes = 0;
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        begun?.abort(new DeadlineError());
      }, timeoutMs);

      function end(error?: Error): void {
        clearTimeout(timer);
        if (answer) resolve({ ...answer, body: Buffer.concat(chunks).toString() });
        else reject(error);
      }

      agent.dispatch(
        {
          origin,
          path: prefix + path,
          method,
          headers,
          body: body === undefined ? null : JSON.stringify(body),
        },
        {
          onRequestStart(controller) {
            begun = controller;
            if (isLate) controller.abort(new DeadlineError());
          },
          onResponseStart(_, status, received) {
            // A status below 200 comes before the answer itself.
            if (status >= 200) answer = { status, headers: received };
          },
          onResponseData(controller, chunk) {
            chunks.push(chunk);
            bytes += chunk.length;
            if (bytes > MAX_BODY_BYTES) controller.abort(new Error('the body is too long'));
          },
          onResponseEnd: () => end(),
          onResponseError: (_, error) => end(error),
        },
      );
    });
}

/** Connections that are closed if they are not ready within `connectMs`, TLS included. */
function connections(connectMs: number): Agent {
  const connector = buildConnector({ timeout: connectMs });
  return new Agent({
    keepAliveTimeout: IDLE_SOCKET_MS,
    keepAliveMaxTimeout: IDLE_SOCKET_MS,
    // The call has one time limit, for all of it.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (options, done) =>
      connector(options, (...[error, socket]) =>
        error ? done(Object.assign(error, { syscall: 'connect' }), null) : done(null, socket),
      ),
  });
}
