import { UserError } from '../errors.ts';
import { router } from '../http/router.ts';
import { type HttpAnswer, type HttpServer, startHttpServer } from '../http/server.ts';
import type { Metrics } from './metrics.ts';

export interface MetricsServerOptions {
  host: string;
  /** 0 for any free one. */
  port: number;
  metrics: Metrics;
  /** Whether the worker takes jobs now. */
  isReady: () => boolean;
}

const text = (status: number, body: string, type = 'text/plain; charset=utf-8'): HttpAnswer => ({
  status,
  headers: { 'Content-Type': type },
  body,
});

/**
 * Serves `/metrics` for Prometheus, `/healthz` (the process answers) and `/readyz` (it takes jobs)
 * for Kubernetes and others. There is no password, so it listens on loopback by default.
 *
 * @throws UserError `failed` when the address cannot be listened on.
 */
export async function startMetricsServer(
  options: MetricsServerOptions,
): Promise<Pick<HttpServer, 'url' | 'close'>> {
  const { host, port, metrics, isReady } = options;
  const find = router<() => Promise<HttpAnswer>>([
    ['GET /metrics', async () => text(200, await metrics.scrape(), metrics.contentType)],
    ['GET /healthz', async () => text(200, 'alive\n')],
    ['GET /readyz', async () => (isReady() ? text(200, 'ready\n') : text(503, 'not ready\n'))],
  ]);
  try {
    return await startHttpServer({
      host,
      port,
      async serve({ method, path }) {
        const found = find(method, path);
        if (!found) return text(404, 'see /metrics, /healthz, /readyz\n');
        return 'allow' in found ? text(405, 'only GET\n') : found.value();
      },
      failure: () => text(500, 'it failed\n'),
      maxBodyBytes: 1024,
      requestTimeoutMs: 10_000,
      closePatienceMs: 500,
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(
      'failed',
      `metrics cannot be served on ${host}:${port}: ${code}`,
      'Choose another --metrics-port or --metrics-host.',
    );
  }
}
