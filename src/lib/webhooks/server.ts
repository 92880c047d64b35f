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
import { inSpan, type Telemetry } from '../telemetry/telemetry.ts';
import type { WebhookHandler } from './handler.ts';

export interface WebhookServerOptions {
  host: string;
  /** 0 selects any free port. */
  port: number;
  /** The handler of each path. */
  routes: Record<string, WebhookHandler>;
  log: Logger;
  telemetry: Telemetry | undefined;
}

export type WebhookServer = Pick<HttpServer, 'url' | 'close'>;

// SendGrid's batches have at most 768 kB; Stripe's events are much smaller.
const MAX_BODY_BYTES = 2 * 1024 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
const CLOSE_PATIENCE_MS = 10_000;
// Serialization failure, deadlock, statement cancelled, lock not available: a repetition can
// succeed.
const PASSING = ['40001', '40P01', '57014', '55P03'];

/**
 * Serves webhooks. It answers 2xx only after a handler has finished, and 503 while Postgres is
 * unavailable, so that the provider sends again.
 *
 * @throws UserError `failed` when it cannot listen on the address.
 */
export async function startWebhookServer(options: WebhookServerOptions): Promise<WebhookServer> {
  const { host, port, log, telemetry } = options;
  const find = router(
    Object.entries(options.routes).map(([path, handler]) => [`POST ${path}`, handler] as const),
  );

  async function serve(request: HttpRequest): Promise<HttpAnswer> {
    const found = find(request.method, request.path);
    if (!found) return text(404, 'no webhook is served at this path');
    if ('allow' in found)
      return text(405, 'webhooks must use POST', { Allow: found.allow.join(', ') });
    const body = await request.body();
    // The trace of a request begins here, because providers send none. Jobs that the handler adds belong to it.
    return inSpan(telemetry, `webhook ${request.path}`, { kind: 'server' }, async (note) => {
      const { status, message } = await found.value({ headers: request.headers, body });
      note({ 'http.response.status_code': status });
      return text(status, message);
    });
  }

  function failure(error: unknown, { path }: HttpRequest): HttpAnswer {
    if (error instanceof BodyTooLarge) return text(413, error.message);
    const away =
      isConnectionError(error) || PASSING.includes(String((error as { code?: unknown }).code));
    const why = error instanceof Error ? maskText(error.message) : 'unknown error';
    log.error(
      { path, why },
      away ? 'webhook not processed: Postgres is unavailable or busy' : 'webhook not processed',
    );
    return text(away ? 503 : 500, 'temporarily unavailable: send it again');
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
    code === 'EADDRINUSE'
      ? 'the port is in use'
      : code === 'EACCES'
        ? 'permission denied'
        : message;
  return new UserError(
    'failed',
    `cannot listen on ${host}, port ${port}: ${why}`,
    'Choose another with --port and --host.',
  );
}
