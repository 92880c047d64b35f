import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request whose body has not been read yet. */
export interface HttpRequest {
  method: string;
  /** Without the query. */
  path: string;
  /** Without the question mark. */
  query: string;
  headers: IncomingHttpHeaders;
  /** Reads the whole body. Rejects with `BodyTooLarge`, or when the client disconnects. */
  body(): Promise<Buffer>;
}

export interface HttpAnswer {
  status: number;
  headers?: Record<string, string>;
  body: string;
}

/**
 * Answers one request. `undefined` means that it writes the response itself, for what an answer
 * cannot express (a cut connection, a broken body). When it throws, `failure` makes the answer.
 */
export type Serve = (
  request: HttpRequest,
  response: ServerResponse,
) => Promise<HttpAnswer | undefined>;

export interface HttpServerOptions {
  host: string;
  /** 0 selects any free port. */
  port: number;
  serve: Serve;
  /** The answer to a request whose handler threw. */
  failure(error: unknown, request: HttpRequest): HttpAnswer;
  maxBodyBytes: number;
  /** The time limit for receiving a whole request. */
  requestTimeoutMs: number;
  /** How long an idle connection is kept. */
  keepAliveMs?: number;
  /** How long `close` waits for running requests before it cuts their connections. */
  closePatienceMs: number;
}

export interface HttpServer {
  /** The base URL for clients on this machine, with the actual port. */
  url: string;
  port: number;
  /** Stops accepting requests, and resolves when every connection is closed. */
  close(): Promise<void>;
}

/** The body exceeds the limit. The rest of it is not read. */
export class BodyTooLarge extends Error {
  override name = 'BodyTooLarge';
  readonly limit: number;

  constructor(limit: number) {
    super(`the request body has more than ${limit} bytes`);
    this.limit = limit;
  }
}

/**
 * Starts an HTTP server.
 *
 * @throws Node's error, `EADDRINUSE` or `EACCES`, when it cannot listen on the address.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { host, port, serve, failure, maxBodyBytes, requestTimeoutMs } = options;

  async function handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = readHead(message, maxBodyBytes);
    try {
      const answer = await serve(request, response);
      if (answer) sendAnswer(response, answer);
    } catch (error) {
      // Too late for an answer: one has been started, or the client has disconnected.
      if (response.headersSent || message.socket.destroyed) return void response.destroy();
      if (error instanceof BodyTooLarge) {
        response.setHeader('Connection', 'close');
        response.once('finish', () => message.destroy());
      }
      sendAnswer(response, failure(error, request));
    }
  }

  const server = createServer(
    { requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs },
    (message, response) => {
      handle(message, response).catch(() => response.destroy());
    },
  );
  if (options.keepAliveMs !== undefined) server.keepAliveTimeout = options.keepAliveMs;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const bound = (server.address() as AddressInfo).port;
  return {
    url: urlOf(host, bound),
    port: bound,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      const impatient = setTimeout(() => server.closeAllConnections(), options.closePatienceMs);
      await closed;
      clearTimeout(impatient);
    },
  };
}

/** Writes an answer. */
function sendAnswer(response: ServerResponse, { status, headers = {}, body }: HttpAnswer): void {
  if (response.destroyed) return;
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

/** A JSON answer. */
export function json(status: number, value: unknown, headers: Record<string, string> = {}) {
  return {
    status,
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(value),
  };
}

function readHead(message: IncomingMessage, maxBodyBytes: number): HttpRequest {
  const url = message.url ?? '/';
  const at = url.indexOf('?');
  return {
    method: message.method ?? 'GET',
    path: at < 0 ? url : url.slice(0, at),
    query: at < 0 ? '' : url.slice(at + 1),
    headers: message.headers,
    body: () => readBody(message, maxBodyBytes),
  };
}

function readBody(message: IncomingMessage, limit: number): Promise<Buffer> {
  if (Number(message.headers['content-length'] ?? 0) > limit) {
    return Promise.reject(new BodyTooLarge(limit));
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    message.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) return chunks.push(chunk);
      message.pause();
      reject(new BodyTooLarge(limit));
    });
    message.once('end', () => resolve(Buffer.concat(chunks)));
    message.once('error', reject);
    message.once('close', () => reject(new Error('the request broke off')));
  });
}

function urlOf(host: string, port: number): string {
  // A server on all addresses also listens on loopback.
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
