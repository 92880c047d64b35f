import { type HttpServer, startHttpServer } from '../../src/lib/http/server.ts';

/** A span as OTLP has it in JSON. */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  /** 2 for an error. */
  status: { code?: number };
  attributes: Record<string, unknown>;
}

/** An OpenTelemetry collector: takes OTLP over HTTP in JSON. */
export interface Collector {
  url: string;
  spans: ReceivedSpan[];
  /** Names of metrics, each with the attributes of its points. */
  metrics: Map<string, Record<string, unknown>[]>;
  /** Everything as it came. */
  bodies: string[];
  /** Resolves when `condition` holds; it is checked after each request. */
  until(condition: () => boolean): Promise<void>;
  close(): Promise<void>;
}

interface KeyValue {
  key: string;
  value: Record<string, unknown>;
}

const toRecord = (attributes: KeyValue[] = []) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

export async function startCollector(): Promise<Collector> {
  const spans: ReceivedSpan[] = [];
  const metrics: Collector['metrics'] = new Map();
  const bodies: string[] = [];
  const watchers = new Set<() => void>();
  const take = (path: string, body: string) => {
    bodies.push(body);
    const sent = JSON.parse(body);
    if (path === '/v1/traces')
      for (const { scopeSpans } of sent.resourceSpans)
        for (const scope of scopeSpans)
          for (const span of scope.spans)
            spans.push({ ...span, attributes: toRecord(span.attributes) });
    if (path === '/v1/metrics')
      for (const { scopeMetrics } of sent.resourceMetrics)
        for (const scope of scopeMetrics)
          for (const { name, gauge, sum, histogram } of scope.metrics)
            metrics.set(
              name,
              (gauge ?? sum ?? histogram).dataPoints.map((point: { attributes: KeyValue[] }) =>
                toRecord(point.attributes),
              ),
            );
  };
  const server: HttpServer = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    async serve(request) {
      take(request.path, (await request.body()).toString());
      for (const watcher of [...watchers]) watcher();
      return { status: 200, headers: { 'Content-Type': 'application/json' }, body: '{}' };
    },
    failure: () => ({ status: 500, body: '' }),
    maxBodyBytes: 10_000_000,
    requestTimeoutMs: 5000,
    closePatienceMs: 100,
  });
  return {
    url: server.url,
    ...{ spans, metrics, bodies },
    async until(condition) {
      while (!condition()) {
        await new Promise<void>((resolve) => {
          const watcher = () => {
            watchers.delete(watcher);
            resolve();
          };
          watchers.add(watcher);
        });
      }
    },
    close: () => server.close(),
  };
}
