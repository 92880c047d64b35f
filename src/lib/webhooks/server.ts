import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { isConnectionError } from '../db/connection-error.ts';
import { UserError } from '../errors.ts';
import { maskText } from '../mask.ts';
import type { WebhookHandler } from './handler.ts';

export interface WebhookServerOptions {
  host: string;
  /** 0 for any free one. */
  port: number;
  /** Who takes what is posted to which path. */
  routes: Record<string, WebhookHandler>;
  log: Logger;
}

export interface WebhookServer {
  /** With the port that it got, and an address that can be called from this machine. */
  url: string;
  /** Takes no more, and resolves when what was under way is answered. */
  close(): Promise<void>;
}

// SendGrid's batches are of at most 768 kB, Stripe's events far less.
const MAX_BODY_BYTES = 2 * 1024 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
const CLOSE_PATIENCE_MS = 10_000;
// Serialization failure, deadlock, statement cancelled: the same again may well work.
const PASSING = ['40001', '40P01', '57014', '55P03'];

/**
 * Serves webhooks. Answers 2xx only after a handler has done its work; 503 while Postgres is away,
 * so that the provider sends again.
 *
 * @throws UserError `failed` when the address cannot be listened on.
 */
export async function startWebhookServer(options: WebhookServerOptions): Promise<WebhookServer> {
  const { host, port, routes, log } = options;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0] as string;
    const handler = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (!handler) return answer(response, 404, 'nothing is here');
    if (request.method !== 'POST') {
      response.setHeader('Allow', 'POST');
      return answer(response, 405, 'events are posted');
    }
    const body = await readBody(request);
    if (!body) return refuseRest(request, response);
    try {
      const { status, message } = await handler({ headers: request.headers, body });
      answer(response, status, message);
    } catch (error) {
      const away =
        isConnectionError(error) || PASSING.includes(String((error as { code?: unknown }).code));
      const why = error instanceof Error ? maskText(error.message) : 'unknown error';
      log.error(
        { path, why },
        away ? 'webhook not taken: Postgres is away or busy' : 'webhook not taken',
      );
      answer(response, away ? 503 : 500, 'not now: send it again');
    }
  }

  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      // What fails here is the reading of a request whose sender went away.
      serve(request, response).catch(() => response.destroy());
    },
  );
  await new Promise<void>((resolve, reject) => {
    const refused = (error: NodeJS.ErrnoException) => reject(cannotListen(error, host, port));
    server.once('error', refused).listen(port, host, () => {
      server.off('error', refused);
      resolve();
    });
  });
  return {
    url: urlOf(host, (server.address() as AddressInfo).port),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      const impatient = setTimeout(() => server.closeAllConnections(), CLOSE_PATIENCE_MS);
      await closed;
      clearTimeout(impatient);
    },
  };
}

/** The whole body; undefined when it is over the limit. Rejects when it breaks off. */
function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES)
    return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) return chunks.push(chunk);
      request.pause();
      resolve(undefined);
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', reject);
    request.once('close', () => reject(new Error('the request broke off')));
  });
}

/** Answers without reading on. */
function refuseRest(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('Connection', 'close');
  response.once('finish', () => request.destroy());
  answer(response, 413, `more than ${MAX_BODY_BYTES} bytes`);
}

function answer(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${message}\n`);
}

function urlOf(host: string, port: number): string {
  // Every address of the machine is also this one.
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

function cannotListen(
  { code, message }: NodeJS.ErrnoException,
  host: string,
  port: number,
): UserError {
  const why =
    code === 'EADDRINUSE' ? 'the port is taken' : code === 'EACCES' ? 'not permitted' : message;
  return new UserError(
    'failed',
    `cannot listen on ${host}, port ${port}: ${why}`,
    'Choose another: donations webhooks listen --port N --host H',
  );
}
