import type { Logger } from 'pino';
import { isConnectionError } from '../db/connection-error.ts';
import { UserError } from '../errors.ts';
import { router } from '../http/router.ts';
import {
  BodyTooLarge,
  type HttpAnswer,
  type HttpRequest,
  type HttpServer,
  startHttpServer,
} from '../http/server.ts';
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

export type WebhookServer = Pick<HttpServer, 'url' | 'close'>;

// SendGrid's batches have at most 768 kB, Stripe's events far less.
const MAX_BODY_BYTES = 2 * 1024 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
const CLOSE_PATIENCE_MS = 10_000;
// Serialization failure, deadlock, statement cancelled, lock not available: a repetition can succeed.
const PASSING = ['40001', '40P01', '57014', '55P03'];

/**
 * Serves webhooks. Answers 2xx only after a handler has done its work; 503 while Postgres is away,
 * so that the provider sends again.
 *
 * @throws UserError `failed` when the address cannot be listened on.
 */
export async function startWebhookServer(options: WebhookServerOptions): Promise<WebhookServer> {
  const { host, port, log } = options;
  const find = router(
    Object.entries(options.routes).map(([path, handler]) => [`POST ${path}`, handler] as const),
  );

  async function serve(request: HttpRequest): Promise<HttpAnswer> {
    const found = find(request.method, request.path);
    if (!found) return text(404, 'nothing is here');
    if ('allow' in found) return text(405, 'events are posted', { Allow: found.allow.join(', ') });
    const { status, message } = await found.value({
      headers: request.headers,
      body: await request.body(),
    });
    return text(status, message);
  }

  function failure(error: unknown, { path }: HttpRequest): HttpAnswer {
    if (error instanceof BodyTooLarge) return text(413, error.message);
    const away =
      isConnectionError(error) || PASSING.includes(String((error as { code?: unknown }).code));
    const why = error instanceof Error ? maskText(error.message) : 'unknown error';
    log.error(
      { path, why },
      away ? 'webhook not taken: Postgres is away or busy' : 'webhook not taken',
    );
    return text(away ? 503 : 500, 'not now: send it again');
  }

  try {
    return await startHttpServer({
      host,
      port,
      serve,
      failure,
      maxBodyBytes: MAX_BODY_BYTES,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      closePatienceMs: CLOSE_PATIENCE_MS,
    });
  } catch (error) {
    throw cannotListen(error as NodeJS.ErrnoException, host, port);
  }
}

const text = (
  status: number,
  message: string,
  headers: Record<string, string> = {},
): HttpAnswer => ({
  status,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', ...headers },
  body: `${message}\n`,
});

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
    'Choose another with --port and --host.',
  );
}
