import {
  type Context,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { configurationError } from '../errors.ts';
import { newId } from '../ids.ts';
import { currentTrace, inTrace } from '../trace.ts';
import { reporting } from './reporting.ts';
import type { Attributes, SpanOptions, Telemetry, TelemetryOptions } from './telemetry.ts';

/** How long the end of a process may wait for the collector: less than commands have to close connections. */
const FLUSH_MS = 400;
/** How long spans wait for others, to be sent together. */
const BATCH_MS = 2000;

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  consumer: SpanKind.CONSUMER,
  client: SpanKind.CLIENT,
} as const;

/**
 * Starts to send traces to the collector at `OTEL_EXPORTER_OTLP_ENDPOINT`, by OTLP over HTTP in JSON.
 * Nothing is registered globally, and no library is instrumented.
 * https://opentelemetry.io/docs/specs/otel/protocol/exporter/
 *
 * @throws UserError `configuration` when the endpoint is no URL.
 */
export function startTelemetry({ env, version, mode, onTrouble }: TelemetryOptions): Telemetry {
  checkEndpoint(env.OTEL_EXPORTER_OTLP_ENDPOINT);
  const resource = defaultResource()
    .merge(
      resourceFromAttributes({
        'service.name': 'donations',
        'service.version': version,
        'service.instance.id': newId('worker'),
        'donations.mode': mode,
      }),
    )
    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
    .merge(detectResources({ detectors: [envDetector] }));
  const provider = new TracerProvider({
    resource,
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: reporting(new OTLPTraceExporter(), 'traces', onTrouble),
        scheduledDelayMillis: BATCH_MS,
      }),
    ],
  });
  const tracer = provider.getTracer('donations', version);
  const closers = [() => provider.shutdown()];
  return {
    async span(name, options, work) {
      const span = tracer.startSpan(name, toOtel(options), contextOf(options.parent));
      try {
        return await inTrace(traceparentOf(span), () =>
          work((attributes) => void span.setAttributes(defined(attributes))),
        );
      } catch (error) {
        // Without the message, which may have donor data.
        span.setStatus({ code: SpanStatusCode.ERROR });
        throw error;
      } finally {
        span.end();
      }
    },
    async measure(queue) {
      const { startMeter } = await import('./otel-meter.ts');
      const { meter, close } = startMeter({ env, resource, version, queue, onTrouble });
      closers.push(close);
      return meter;
    },
    async close() {
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([
        Promise.allSettled(closers.splice(0).map((close) => close())),
        new Promise((resolve) => {
          timer = setTimeout(resolve, FLUSH_MS);
        }),
      ]);
      clearTimeout(timer);
    },
  };
}

function checkEndpoint(endpoint: string | undefined): void {
  if (endpoint && URL.canParse(endpoint) && /^https?:$/.test(new URL(endpoint).protocol)) return;
  throw configurationError(
    'OTEL_EXPORTER_OTLP_ENDPOINT is not an http(s) URL',
    'Set it to the OTLP/HTTP endpoint of your collector, such as http://localhost:4318.',
  );
}

const toOtel = ({ kind, attributes = {} }: SpanOptions) => ({
  kind: KINDS[kind],
  attributes: defined(attributes),
});

/** The attributes that have a value. */
const defined = (attributes: Attributes): Record<string, string | number> =>
  Object.fromEntries(
    Object.entries(attributes).filter(
      (entry): entry is [string, string | number] => entry[1] !== undefined && entry[1] !== null,
    ),
  );

function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

/** The parent of a new span. Without one, or with an invalid one, the span begins a trace. */
function contextOf(parent: string | undefined): Context {
  const found = parse(parent) ?? parse(currentTrace());
  return found ? trace.setSpanContext(ROOT_CONTEXT, found) : ROOT_CONTEXT;
}

const TRACEPARENT = /^(?!ff)[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:-|$)/;

function parse(traceparent: string | undefined): SpanContext | undefined {
  const [, traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  const context: SpanContext = {
    ...INVALID_SPAN_CONTEXT,
    ...{ traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true },
  };
  return isSpanContextValid(context) ? context : undefined;
}
