import type { Meter } from '../metrics/meter.ts';
import type { QueueLook } from '../metrics/queue-look.ts';
import type { AroundCall } from '../providers/around-calls.ts';
import { ProviderError } from '../providers/errors.ts';

/** What is known of a span. Only ids, names, counts and codes: no donor data, no error texts. */
export type Attributes = Record<string, string | number | null | undefined>;

export interface SpanOptions {
  kind: 'internal' | 'server' | 'consumer' | 'client';
  attributes?: Attributes;
  /** The `traceparent` of the span that caused this one; by default the one that runs now. */
  parent?: string | undefined;
}

/** Adds attributes to the span. */
export type Note = (attributes: Attributes) => void;

export interface TelemetryOptions {
  /** The standard variables `OTEL_…`; the exporters read some of them from the process itself. */
  env: NodeJS.ProcessEnv;
  version: string;
  mode: string;
  /** Called when the collector does not take what is sent, once for each kind of failure. */
  onTrouble: (message: string) => void;
}

/** Sends traces and metrics to an OpenTelemetry collector. No method fails because the collector does. */
export interface Telemetry {
  /** Runs `work` in a span, which is an error if `work` throws. */
  span<T>(name: string, options: SpanOptions, work: (note: Note) => Promise<T>): Promise<T>;
  /** Begins to send the metrics of a worker, and of the queue that all workers share. */
  measure(queue: QueueLook): Promise<Meter>;
  /** Sends what has not been sent, within a time limit. */
  close(): Promise<void>;
}

/** Runs `work` in a span if there is telemetry, else alone. */
export const inSpan = <T>(
  telemetry: Telemetry | undefined,
  name: string,
  options: SpanOptions,
  work: (note: Note) => Promise<T>,
): Promise<T> => (telemetry ? telemetry.span(name, options, work) : work(() => {}));

/** Runs each call of a provider in a span. */
export const tracedCalls =
  (telemetry: Telemetry): AroundCall =>
  ({ provider, operation }, work) =>
    telemetry.span(
      `${provider} ${operation}`,
      { kind: 'client', attributes: { 'donations.provider': provider } },
      async (note) => {
        try {
          return await work();
        } catch (error) {
          if (error instanceof ProviderError)
            note({
              'error.type': error.errorClass,
              'donations.error_code': error.code,
              'http.response.status_code': error.httpStatus,
              'donations.request_id': error.requestId,
            });
          throw error;
        }
      },
    );
